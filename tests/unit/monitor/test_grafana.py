"""The dashboard file, held to Grafana's own published model of a dashboard."""

import json
from importlib.resources import files

import pytest
from grafana_foundation_sdk.cog import plugins
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard


def dashboard():
    return json.loads(files("livewidget.monitor").joinpath("grafana.json").read_text())


def lost(given, read, place=""):
    """Return where `read` has something else than `given`, or lacks it."""
    if isinstance(given, dict):
        for name, value in given.items():
            if not isinstance(read, dict) or name not in read:
                yield f"{place}.{name}"
            else:
                yield from lost(value, read[name], f"{place}.{name}")
    elif isinstance(given, list):
        if not isinstance(read, list) or len(read) != len(given):
            yield place
        else:
            for index, pair in enumerate(zip(given, read, strict=True)):
                yield from lost(*pair, f"{place}[{index}]")
    elif given != read:
        yield place


def as_grafana_reads_it(given):
    plugins.register_default_plugins()
    return json.loads(JSONEncoder().encode(Dashboard.from_json(given)))


def test_grafana_knows_every_field_of_the_dashboard():
    given = dashboard()
    assert list(lost(given, as_grafana_reads_it(given))) == []


@pytest.mark.parametrize(
    "spoil",
    [
        lambda it: it.update(panel=it.pop("panels")),
        lambda it: it["panels"][0].update(grid=it["panels"][0].pop("gridPos")),
        lambda it: it["panels"][0]["fieldConfig"]["defaults"]["custom"].update(lineWidht=1),
        lambda it: it["panels"][0]["targets"][0].update(legend="received"),
    ],
)
def test_a_field_that_it_does_not_know_is_found_out(spoil):
    given = dashboard()
    spoil(given)
    assert list(lost(given, as_grafana_reads_it(given)))
