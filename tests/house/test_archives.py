"""What the sdist and the wheel hold, and what building them needs."""

from __future__ import annotations

import sys
import tarfile
import zipfile
from email.parser import HeaderParser
from importlib import metadata

import pytest

import livewidget

STATIC = "livewidget/widgets/static"


@pytest.fixture(scope="module")
def wheel(sdist, runner, tmp_path_factory):
    """The wheel that is built from the sdist on a machine that has no Node."""
    folder = tmp_path_factory.mktemp("unpacked")
    with tarfile.open(sdist) as archive:
        archive.extractall(folder, filter="data")
    tree = next(folder.iterdir())
    build = [sys.executable, "-m", "build", "--no-isolation", "--wheel"]
    runner(*build, cwd=tree, path=str(folder))
    with zipfile.ZipFile(next((tree / "dist").glob("*.whl"))) as archive:
        yield archive


def test_the_sdist_carries_the_bundle_and_what_it_is_made_from(sdist):
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {f"src/{STATIC}/index.js", f"src/{STATIC}/index.css"} <= names
    assert {"js/package-lock.json", "js/src/index.ts", "hatch_build.py", "LICENSE"} <= names
    assert not [name for name in names if "node_modules" in name]


def test_the_wheel_carries_the_bundle_the_types_and_the_licence(wheel):
    names = set(wheel.namelist())
    assert {f"{STATIC}/index.js", f"{STATIC}/index.css", "livewidget/py.typed"} <= names
    assert any(name.endswith("dist-info/licenses/LICENSE") for name in names)
    assert all(name.startswith("livewidget") for name in names)


def test_the_bundle_is_one_module_that_fetches_nothing(wheel):
    bundle = wheel.read(f"{STATIC}/index.js").decode()
    assert "export" in bundle
    assert "import(" not in bundle
    assert "https://" not in bundle.replace("https://www.w3.org", "")


def test_every_extra_of_dev_and_all_is_there(wheel):
    name = next(name for name in wheel.namelist() if name.endswith("METADATA"))
    headers = HeaderParser().parsestr(wheel.read(name).decode())
    extras = set(headers.get_all("Provides-Extra"))
    plain = {"arrow", "demo", "kafka", "lab", "mqtt", "protobuf", "yaml"}
    plain |= {"compress", "encrypt", "metrics", "ml", "otel", "postgres", "profile", "redis"}
    plain |= {"store"}
    assert {"all", "bench", "check", "dev", "test"} | plain == extras


def test_one_version():
    assert metadata.version("livewidget") == livewidget.__version__


def test_without_node_and_bundle_the_build_says_so_in_one_line(checkout, runner):
    build = [sys.executable, "-m", "build", "--no-isolation", "--wheel"]
    output = runner(*build, cwd=checkout, path=str(checkout), fails=True)
    assert "Node is missing" in output
    assert "Traceback" not in output
