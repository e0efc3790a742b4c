import pytest

from .rig import Rig


@pytest.fixture
def rig():
    return Rig()
