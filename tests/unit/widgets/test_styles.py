"""How series are drawn: what the traits take, and what the page is told."""

import pytest
from traitlets import TraitError

from livewidget.widgets.styles import DEFAULT_BANDS, DEFAULT_STYLES

KNOWN = [(whose, low, high) for whose, (low, high) in DEFAULT_BANDS.items()]


def told(chart, name):
    return chart.get_state([name])[name]


def test_a_chart_knows_what_analytic_columns_look_like(make):
    chart = make(y="a")
    assert told(chart, "styles") == DEFAULT_STYLES
    assert told(chart, "bands") == KNOWN
    assert (chart.styles, chart.bands) == ({}, [])


def test_the_users_word_goes_over_what_is_known(make):
    chart = make(y="a", styles={"anomaly": "markers", "price": "dashed"}, bands=[("low", "high")])
    assert told(chart, "styles") == DEFAULT_STYLES | {"anomaly": "markers", "price": "dashed"}
    assert told(chart, "bands") == [("", "low", "high"), *KNOWN[1:]]
    chart.bands = {"forecast": ("p10", "p90")}
    assert told(chart, "bands") == [("forecast", "p10", "p90"), KNOWN[0], *KNOWN[2:]]


@pytest.mark.parametrize(
    ("given", "bands"),
    [
        ([], []),
        ([("l", "h"), ["a", "b"]], [("", "l", "h"), ("", "a", "b")]),
        ({"f": ("l", "h")}, [("f", "l", "h")]),
        ([("f", "l", "h")], [("f", "l", "h")]),
    ],
)
def test_bands_are_a_list_or_a_mapping(make, given, bands):
    assert make(y="a", bands=given).bands == bands


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("styles", ["dashed"]),
        ("styles", {"a": "dotted"}),
        ("styles", {3: "line"}),
        ("styles", {"a": ["line"]}),
        ("styles", None),
        ("bands", "low"),
        ("bands", [("low",)]),
        ("bands", [("low", "low")]),
        ("bands", [("low", 3)]),
        ("bands", ["lowhigh"]),
        ("bands", {"f": "lh"}),
        ("bands", {"low": ("low", "high")}),
        ("bands", {3: ("low", "high")}),
        ("bands", None),
    ],
)
def test_a_bad_value_is_a_trait_error_and_changes_nothing(make, name, value):
    chart = make(y="a", styles={"a": "dashed"}, bands=[("l", "h")])
    with pytest.raises(TraitError, match=name):
        setattr(chart, name, value)
    assert (chart.styles, chart.bands) == ({"a": "dashed"}, [("", "l", "h")])


def test_charts_share_no_default(make):
    first, second = make(y="a"), make(y="a")
    assert first.styles is not second.styles
    assert first.bands is not second.bands
