"""Schemes of other packages, by a real tiny distribution on sys.path."""

import textwrap

import pytest

from livewidget.data.errors import SettingError, SourceError
from livewidget.sources import resolve
from livewidget.sources.websocket import WebSocketSource
from livewidget.testing import ListSource

MODULE = """
from livewidget.testing import ListSource


class Dice(ListSource):
    def __init__(self, url, *, sides=6, needs=()):
        super().__init__([{"value": sides}], name=url)
        self.sides, self.needs = sides, needs


def loose(url, **options):
    source = ListSource(name=url)
    source.options = options
    return source


def nothing(url):
    return url
"""


@pytest.fixture
def install(tmp_path, monkeypatch):
    def install(entries, package="dicey", module="dicey_sources", code=MODULE):
        home = tmp_path / package
        info = home / f"{package}-1.0.dist-info"
        info.mkdir(parents=True)
        (home / f"{module}.py").write_text(textwrap.dedent(code))
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
        lines = "".join(f"{scheme} = {module}:{name}\n" for scheme, name in entries.items())
        (info / "entry_points.txt").write_text(f"[livewidget.sources]\n{lines}")
        monkeypatch.syspath_prepend(home)
        monkeypatch.delitem(__import__("sys").modules, module, raising=False)

    return install


async def test_a_scheme_of_another_package_is_a_source(install, outlet, running):
    install({"dice": "Dice"})
    source = resolve("dice://table", sides=20, values=["value"])
    assert (source.name, source.needs) == ("dice://table", ("value",))
    await running(source, outlet)
    assert outlet.column("value") == [20]


def test_it_is_called_as_the_built_in_ones_are(install):
    install({"loose": "loose"})
    source = resolve("LOOSE://x", time="t", values=["a"], speed=2)
    assert isinstance(source, ListSource)
    assert source.options == {"fields": ("t", "a"), "needs": ("a",), "speed": 2}


def test_an_option_that_it_does_not_know_is_named(install):
    install({"dice": "Dice"})
    with pytest.raises(SettingError, match=r"Dice: .*'colour'"):
        resolve("dice://table", colour="red")


def test_built_in_schemes_cannot_be_taken_over(install):
    install({"ws": "Dice", "file": "Dice"})
    assert type(resolve("ws://host")) is WebSocketSource


def test_one_that_cannot_be_imported_names_its_package(install):
    install({"dice": "Dice"}, code="import a_package_that_is_not_there")
    with pytest.raises(SourceError, match=r"dice:// comes with the package dicey.*not_there"):
        resolve("dice://table?token=secret")
    install({"gone": "Missing"}, package="other", module="other_sources")
    with pytest.raises(SourceError, match=r"the package other, .*Missing"):
        resolve("gone://x")


def test_two_packages_with_one_scheme_are_named(install):
    install({"dice": "Dice"})
    install({"dice": "Dice"}, package="loaded", module="loaded_sources")
    with pytest.raises(SourceError, match="claimed by dicey and loaded"):
        resolve("dice://table")


def test_what_makes_no_source_is_refused(install):
    install({"nothing": "nothing"})
    with pytest.raises(SourceError, match="nothing made 'nothing://x', which is no Source"):
        resolve("nothing://x")


def test_the_schemes_that_there_are_include_those_added(install):
    install({"dice": "Dice"})
    with pytest.raises(SourceError, match=r"dice://, file://, http://"):
        resolve("unknown://x")
