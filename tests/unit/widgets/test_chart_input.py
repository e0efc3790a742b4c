"""Bad input: a mistake is a clear error at the line that made it."""

import math
from decimal import Decimal

import pandas as pd
import pytest
from traitlets import TraitError

from livewidget.data.errors import ClosedError, SchemaError, SettingError, SourceError
from livewidget.sources import Machine
from livewidget.testing import ListSource, wait_until


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"window": -1}, TraitError, "window.*-1"),
        ({"sampling_rate": 0}, TraitError, "sampling_rate.*0"),
        ({"max_fps": 0}, TraitError, "max_fps"),
        ({"max_points": 0}, TraitError, "max_points"),
        ({"tz": "Mars/Olympus"}, TraitError, "tz.*Mars/Olympus"),
        ({"quality": "ultra"}, TraitError, "quality.*'auto', 'high', 'fast'.*'ultra'"),
        ({"max_series": 0}, SettingError, "max_series.*0"),
        ({"y": 3}, SettingError, "y is the name.*3"),
        ({"y": ["a", 3]}, SettingError, "y is the name"),
        ({"y": ["a", "a"]}, SettingError, "twice"),
        ({"windw": 3}, SettingError, "windw"),
    ],
)
def test_a_setting_that_cannot_be_names_itself(make, options, error, words):
    with pytest.raises(error, match=words):
        make(**options)


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (3, "expected a URL.*3"),
        ("hello", "text 'hello'"),
        ("ftp://user:hunter2@host", "ftp:// is not supported"),
        (Machine, "Machine is a class"),
        ({"a": [1]}, "expected a URL"),
    ],
)
def test_what_is_no_source_is_told_what_is(make, source, words):
    with pytest.raises(SourceError, match=words) as caught:
        make(source)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("source", "options", "words"),
    [
        (Machine(), {"interval": 1}, "set interval on it"),
        ("ws://127.0.0.1:1", {"intervall": 1}, "intervall"),
        (lambda: 1.0, {"interval": 0}, "interval.*0"),
    ],
)
def test_an_option_that_the_source_does_not_know(make, source, options, words):
    with pytest.raises(SettingError, match=words):
        make(source, **options)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"b": 1.0}, "no column 'a'.*'b'"),
        ({"a": "text"}, "'a' must hold numbers, it holds text"),
        ({"a": [1.0, 2.0], "b": [1.0]}, "one length"),
        ({"time": [pd.Timestamp(5), pd.NaT], "a": [1.0, 2.0]}, r"'time'.*NaT.*row 1"),
        ({"a": Decimal("1.5")}, "numbers, times or text"),
        ({"a": 10**400}, "'a' expects numbers"),
        ({"a": object()}, "numbers, times or text"),
        ([], "at least one column"),
        ({}, "at least one column"),
        (3, "expected a mapping"),
    ],
)
def test_a_push_that_does_not_fit_takes_nothing(make, data, words):
    chart = make(y="a")
    with pytest.raises(SchemaError, match=words):
        chart.push(data)
    assert chart.push(a=1.0) == 1
    assert len(chart.to_dataframe()) == 1


def test_a_push_is_all_or_nothing(make):
    chart = make(y="a")
    chart.push(a=1.0)
    with pytest.raises(SchemaError, match="'b'"):
        chart.push([{"a": 2.0}, {"a": 3.0, "b": 4.0}])
    assert chart.to_dataframe()["a"].tolist() == [1.0]


def test_a_push_is_a_table_or_columns(make):
    with pytest.raises(SettingError, match="not both"):
        make(y="a").push({"a": 1.0}, a=2.0)


@pytest.mark.parametrize("value", [None, math.nan, math.inf, True])
def test_a_value_that_is_missing_or_no_number_breaks_the_line_and_not_the_chart(make, value):
    chart = make(y="a")
    assert chart.push(a=value) == 1
    assert chart.push(a=1.0) == 1


def test_time_that_goes_backwards_is_kept_counted_and_put_in_order(make):
    chart = make(x="time", y="a")
    for second in (5, 7, 6):
        chart.push(time=pd.Timestamp(second, unit="s"), a=float(second))
    assert chart.to_dataframe()["a"].tolist() == [5.0, 6.0, 7.0]
    assert chart.stats()["late"] == 1


def test_a_source_that_raises_is_shown_with_its_reason(make):
    chart = make(ListSource([{"a": 1.0}], error=RuntimeError("the sensor burned")), y="a")
    wait_until(lambda: chart.stats()["state"] == "failed")
    assert chart.stats()["detail"] == "RuntimeError: the sensor burned"
    assert repr(chart) == "LiveChart('a list', failed)"
    assert len(chart.to_dataframe()) == 1


def test_a_url_with_no_server_is_tried_again(make):
    chart = make("ws://127.0.0.1:9/feed?token=hunter2", y="a")
    wait_until(lambda: chart.stats()["state"] == "reconnecting")
    assert chart.stats()["detail"] == "nothing answers at 127.0.0.1:9"
    assert "hunter2" not in repr(chart)


def test_a_column_that_no_event_has_is_said_by_the_chart(make):
    chart = make(ListSource([{"a": 1.0}] * 3, hold=True), y="b")
    wait_until(lambda: chart.stats()["rejected"] == 3)
    assert "waiting" in repr(chart)
    state, detail = chart._session.state()
    assert (state.value, detail) == (
        "waiting",
        "there is no column 'b'; the columns are 'time', 'a'",
    )
    assert chart.streamer.dead_letters()["payload"].tolist() == [{"a": 1.0}] * 3


def test_one_bad_event_does_not_stop_the_others(make):
    chart = make(ListSource([{"a": 1.0}, {"a": "n/a"}, [{"a": object()}], {"a": 2.0}]), y="a")
    wait_until(lambda: chart.stats()["state"] == "ended")
    account = chart.stats()["account"]
    assert (account.received, account.stored, account.rejected) == (4, 2, 2)
    assert chart.to_dataframe()["a"].tolist() == [1.0, 2.0]


def test_a_closed_chart_takes_nothing_and_keeps_what_it_has(make):
    chart = make(y="a")
    chart.push(a=1.0)
    chart.close()
    with pytest.raises(ClosedError, match="closed"):
        chart.push(a=2.0)
    with pytest.raises(ClosedError, match="closed"):
        chart.wait(timeout=1)
    chart.window = 5
    chart.paused = True
    assert chart.to_dataframe()["a"].tolist() == [1.0]


@pytest.mark.parametrize("until", [5, True, "done"])
def test_wait_takes_a_function(make, until):
    with pytest.raises(SettingError, match=r"until is a function.*timeout="):
        make(y="a").wait(until)


def test_a_range_that_is_no_time(make):
    chart = make(y="a")
    chart.push(a=1.0)
    with pytest.raises(SettingError, match=r"a bound is a time.*'nonsense'"):
        chart.to_dataframe("nonsense")


def test_html_in_a_title_stays_text(make):
    title = "<img src=x onerror=alert(1)>"
    assert make(y="a", title=title).title == title
