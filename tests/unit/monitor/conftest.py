from types import SimpleNamespace

import pytest


@pytest.fixture
def no_engine():
    """What a streamer has that is never started: nothing runs."""
    return SimpleNamespace(alive=False)
