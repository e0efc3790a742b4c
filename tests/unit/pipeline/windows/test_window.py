"""The operator `window`: what its results look like, its settings, and what it refuses."""

import numpy as np
import pytest

from livewidget.data.batch import Batch
from livewidget.data.errors import SchemaError, SettingError, StateError
from livewidget.data.schema import Kind, Schema
from livewidget.pipeline.operator import Moment, Tally
from livewidget.pipeline.registry import build
from livewidget.pipeline.windows.operator import Window
from livewidget.testing import ManualClock

from .metrics_twin import Chain, count, mean, most, total
from .test_twin import PARTS, SCHEMA, SECOND, batch_of, given_by

N = {"n": ("value", count("value"))}
CHAIN = {"chain": ("value", Chain("value"))}


def rows_of(times, key="a"):
    return [(time, key, 1.0) for time in times]


def test_the_results_of_two_keys_have_each_and_both_together():
    schema = Schema.of({"at": "time", "room": "text", "port": "int", "v": "float"}, "at")
    window = Window("10s", by=["room", "port"], aggregate={"sum": ("v", total("v"))})
    bound = window.bind(schema, ManualClock())
    kinds = [(field.name, field.kind) for field in bound.schema.fields]
    assert kinds == [
        ("at", Kind.TIME),
        ("room", Kind.TEXT),
        ("port", Kind.INT),
        ("group", Kind.TEXT),
        ("window_start", Kind.TIME),
        ("sum", Kind.FLOAT),
    ]
    data = {
        "at": (np.array([1, 2, 3, 4]) * SECOND).view("datetime64[ns]"),
        "room": ["x", None, "x", "y"],
        "port": [1, 1, 1, -2],
        "v": [1.0, 2.0, 3.0, 4.0],
    }
    bound.step(Batch.of(data, schema), Tally())
    rows = list(bound.tick(Moment(0, final=True), Tally()).rows())
    assert [(row["room"], row["port"], row["group"], row["sum"]) for row in rows] == [
        ("x", 1, "x · 1", 4.0),
        (None, 1, "- · 1", 2.0),
        ("y", -2, "y · -2", 4.0),
    ]


def test_keys_that_are_floats_are_told_as_text():
    schema = Schema.of({"time": "time", "id": "float", "value": "float"}, "time")
    bound = Window("1s", by="id", aggregate=N).bind(schema, ManualClock())
    data = {"time": np.zeros(4, dtype=np.int64), "id": [2.0, np.nan, 1.5, 2.0], "value": 1.0}
    bound.step(Batch.of(data, schema), Tally())
    rows = list(bound.tick(Moment(0, final=True), Tally()).rows())
    assert [(row["id"], row["n"]) for row in rows] == [("2", 2), (None, 1), ("1.5", 1)]


def test_expressions_are_over_the_other_outputs_and_each_other():
    window = Window(
        "5s",
        aggregate={
            "n": ("value", count("value")),
            "sum": ("value", total("value")),
            "rate": "n / sum",
            "percent": "rate * 100",
        },
    )
    out, _ = given_by(window, [(1, None, 4.0), (2, None, 4.0), (3, None, None)], [0, 3])
    assert [(row["rate"], row["percent"]) for row in out] == [(0.25, 25.0)]


def test_a_metric_of_several_outputs_has_a_column_of_each():
    out, _ = given_by(Window("5s", aggregate=CHAIN), [(1, None, 1.0), (2, None, 2.0)], [0, 2])
    assert [(row["chain"], row["chain_size"]) for row in out] == [(12.0, 2.0)]


@pytest.mark.parametrize(("label", "time"), [("end", 10), ("start", 5)])
def test_a_result_bears_the_end_of_its_window_or_the_start(label, time):
    out, _ = given_by(Window("5s", label=label, aggregate=N), rows_of([7]), [0, 1])
    assert [(row["time"], row["window_start"]) for row in out] == [(time * SECOND, 5 * SECOND)]


def test_results_come_as_the_watermark_passes_the_end():
    bound = Window("5s", wait="2s", aggregate=N).bind(SCHEMA, ManualClock())
    assert len(bound.step(batch_of(rows_of([0, 4, 6])), Tally())) == 0
    tally = Tally()
    assert [row["n"] for row in bound.step(batch_of(rows_of([7, 3])), tally).rows()] == [2]
    assert (tally.made, tally.filtered) == (1, 2)
    assert [row["n"] for row in bound.tick(Moment(0, final=True), Tally()).rows()] == [2]


def test_ints_and_times_are_read_as_numbers():
    schema = Schema.of({"time": "time", "i": "int", "seen": "time"}, "time")
    aggregate = {"i": ("i", mean("i")), "seen": ("seen", count("seen"))}
    bound = Window("5s", aggregate=aggregate).bind(schema, ManualClock())
    data = {"time": np.array([0, 1]), "i": [1, 2], "seen": np.array(["NaT", 5], "datetime64[ns]")}
    bound.step(Batch.of(data, schema), Tally())
    [row] = bound.tick(Moment(0, final=True), Tally()).rows()
    assert (row["i"], row["seen"]) == (1.5, 1.0)


def test_a_clock_that_jumps_closes_nothing_unless_ten_rows_agree():
    window = Window("5s", by="key", aggregate=N, max_jump="1h")
    far = 365 * 86_400
    rows = [*rows_of([1, far, 2]), *rows_of([far] * 9), *rows_of([3]), *rows_of([far] * 12)]
    for edges in ([0, len(rows)], list(range(len(rows) + 1)), [0, 2, 9, 19, len(rows)]):
        out, tally = given_by(window, rows, edges)
        assert tally.rejected == 1 + 9 + 9
        assert "max_jump" in tally.letters[0].reason
        assert [(row["time"] // SECOND, row["n"]) for row in out] == [(5, 3), (far + 5, 3)]


def test_without_max_jump_every_time_is_taken():
    window = Window("5s", aggregate=N, max_jump=None)
    out, tally = given_by(window, rows_of([1, 10**9]), [0, 2])
    assert (len(out), tally.rejected) == (2, 0)


def test_where_nothing_comes_windows_close_by_the_clock_if_that_is_wanted():
    clock = ManualClock()
    bound = Window("5s", idle="10s", aggregate=N).bind(SCHEMA, clock)
    bound.step(batch_of(rows_of([1])), Tally())
    assert not len(bound.tick(Moment(clock.now() + 9 * SECOND), Tally()))
    tally = Tally()
    out = bound.tick(Moment(clock.now() + 10 * SECOND), tally)
    assert [(row["time"], row["n"]) for row in out.rows()] == [(5 * SECOND, 1)]
    assert tally.made == 1
    assert not len(bound.tick(Moment(clock.now() + 11 * SECOND), Tally()))


def many(keys, times=None):
    return (
        [(time, f"k{key}", 1.0) for time, key in enumerate(keys)]
        if times is None
        else [(time, f"k{key}", 1.0) for time, key in zip(times, keys, strict=True)]
    )


@pytest.mark.parametrize("edges", [[0, 30], [*range(31)], [0, 4, 9, 17, 30]])
def test_past_the_bound_keys_seen_least_recently_are_forgotten(edges):
    window = Window("1h", by="key", max_keys=4, aggregate=N)
    rows = many([0, 1, 2, 3, 0, 4, 0, 1, 5, 0] * 3)
    out, _ = given_by(window, rows, edges)
    assert [row["key"] for row in out] == ["k0", "k4", "k1", "k5"]
    assert [row["n"] for row in out] == [12, 1, 1, 1]
    assert window.counts["keys forgotten"] == 13


@pytest.mark.parametrize("edges", [[0, 30], [*range(31)], [0, 4, 9, 17, 30]])
def test_past_the_bound_further_keys_are_put_together_as_other(edges):
    window = Window("1h", by="key", max_keys=3, overflow="other", aggregate=N)
    out, _ = given_by(window, many([0, 1, 2, 3, 0, 4, 0, 1, 5, 0] * 3), edges)
    assert [(row["key"], row["n"]) for row in out] == [
        ("k0", 12),
        ("k1", 6),
        ("k2", 3),
        ("other", 9),
    ]


@pytest.mark.parametrize("edges", [[0, 30], [*range(31)], [0, 4, 9, 17, 30]])
def test_past_the_bound_rows_of_further_keys_are_rejected(edges):
    window = Window("1h", by="key", max_keys=3, overflow="reject", aggregate=N)
    out, tally = given_by(window, many([0, 1, 2, 3, 0, 4, 0, 1, 5, 0] * 3), edges)
    assert [(row["key"], row["n"]) for row in out] == [("k0", 12), ("k1", 6), ("k2", 3)]
    assert tally.rejected == 9
    assert "max_keys" in tally.letters[0].reason


@pytest.mark.parametrize("overflow", ["forget", "other", "reject"])
@pytest.mark.parametrize("span", [{"size": 5}, {"size": 6, "slide": 3}, {"gap": 2}])
def test_keys_without_an_open_window_make_room_for_others(overflow, span):
    random = np.random.default_rng(3)
    keys = [turn // 12 * 4 + each for turn, each in enumerate(random.integers(0, 4, 240).tolist())]
    rows = many(keys, [turn // 12 * 20 + turn % 12 for turn in range(240)])
    results = []
    for edges in ([0, 240], [*range(241)], [0, 13, 100, 101, 240]):
        window = Window(by="key", max_keys=9, overflow=overflow, aggregate=PARTS, **span)
        out, tally = given_by(window, rows, edges)
        assert (tally.rejected, window.counts["keys forgotten"]) == (0, 0)
        assert "other" not in {row["key"] for row in out}
        results.append(out)
    assert results[0] == results[1] == results[2]


@pytest.mark.parametrize("span", [{"size": 5}, {"size": 6, "slide": 3}, {"gap": 2}, {"rows": 3}])
@pytest.mark.parametrize("overflow", ["forget", "other", "reject"])
@pytest.mark.parametrize("seed", range(3))
def test_a_key_explosion_gives_the_same_however_rows_were_cut(span, overflow, seed):
    random = np.random.default_rng(seed)
    keys = np.minimum(random.geometric(0.1, 90), 40).tolist()
    times = np.maximum(np.arange(90) // 4 - random.integers(0, 4, 90), 0).tolist()
    rows, results = many(keys, times), []
    for edges in ([0, 90], [*range(91)], [0, 13, 50, 51, 77, 90]):
        window = Window(by="key", max_keys=5, overflow=overflow, aggregate=PARTS, **span)
        results.append((given_by(window, rows, edges)[0], dict(window.counts)))
    assert str(results[0]) == str(results[1]) == str(results[2])


@pytest.mark.parametrize("span", [{"size": 5}, {"size": 20, "slide": 1}, {"gap": 1}, {"rows": 50}])
def test_memory_grows_with_keys_and_open_windows_and_never_with_events(span):
    def kept(events):
        bound = Window(by="key", aggregate=PARTS, **span).bind(SCHEMA, ManualClock())
        for begin in range(0, events, 300):
            times = [turn // 10 for turn in range(begin, begin + 300)]
            keys = [f"k{turn % 7}" for turn in range(300)]
            bound.step(batch_of(list(zip(times, keys, [1.0] * 300, strict=True))), Tally())
        return sum_of(bound.memory.save())

    assert kept(30_000) <= 1.2 * kept(300) + 200


def sum_of(state):
    """The numbers in a state."""
    if isinstance(state, dict):
        return sum(map(sum_of, state.values()))
    return sum(map(sum_of, state)) if isinstance(state, list) else np.size(state)


def test_a_state_of_other_settings_is_refused():
    state = Window("5s", by="key", aggregate=N).bind(SCHEMA, ManualClock()).memory.save()
    for other in (
        Window("6s", by="key", aggregate=N),
        Window("5s", aggregate=N),
        Window(gap="5s", by="key", aggregate=N),
        Window("5s", by="key", aggregate={"m": ("value", most("value"))}),
        Window("5s", by="key", aggregate={"n": ("value", "p95")}),
    ):
        with pytest.raises(StateError, match="the state is of windows with"):
            other.bind(SCHEMA, ManualClock()).memory.load(state)
    bound = Window("5s", by="key", aggregate=N).bind(SCHEMA, ManualClock())
    bound.step(batch_of(rows_of([1])), Tally())
    for broken in ({}, {**state, "keys": 5}, {**state, "windows": {}}, {**state, "rows": None}):
        with pytest.raises(StateError, match="none of windows"):
            bound.memory.load(broken)
    assert [row["n"] for row in bound.tick(Moment(0, final=True), Tally()).rows()] == [1]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"size": 0}, "size is a positive duration.*got 0"),
        ({"size": "-5s"}, "size is a positive duration"),
        ({"size": "soon"}, "size is a positive duration.*'soon'"),
        ({}, "one of size.*got none of them"),
        ({"size": 5, "rows": 3}, "got size and rows"),
        ({"size": 5, "gap": 3}, "got size and gap"),
        ({"gap": 5, "slide": 3}, "does not slide"),
        ({"size": "1m", "slide": "2m"}, "slide is at most as long as its window.*'2m'.*60 s"),
        ({"rows": 3, "slide": 4}, "slide is at most as long.*3 rows"),
        ({"size": "1h", "slide": 0.333333333}, "made of .* panes, at most 100,000.*round part"),
        ({"size": "7d", "slide": "1s"}, "made of 604,800 panes"),
        ({"rows": 0}, "rows is a whole number"),
        ({"rows": 3, "lateness": "1s"}, "lateness is of windows by time"),
        ({"rows": 3, "early": "1s"}, "early is of windows by time"),
        ({"size": 5, "lateness": "x"}, "lateness is a positive duration"),
        ({"size": 5, "wait": -1}, "wait is a positive duration"),
        ({"size": 5, "label": "middle"}, "label is one of end, start; got 'middle'"),
        ({"size": 5, "overflow": "drop"}, "overflow is one of"),
        ({"size": 5, "max_keys": 0}, "max_keys is a whole number"),
        ({"size": 5, "origin": "noon"}, "origin is a time"),
        ({"size": 5, "aggregate": {}}, "aggregate says what"),
        ({"size": 5, "aggregate": {"m": ("value", "maen")}}, "'m'.*no metric 'maen'.*'mean'"),
        ({"size": 5, "aggregate": {"n": 5}}, "aggregate 'n' is .column, metric. or"),
        ({"size": 5, "aggregate": {"n": "1 + 1"}}, "expressions only"),
        ({"size": 5, "aggregate": CHAIN, "lateness": 1}, "lateness does not go with chain"),
        ({"size": 5, "aggregate": CHAIN, "overflow": "reject"}, "does not go with metrics"),
    ],
)
def test_a_setting_that_cannot_be_is_refused_at_the_door(settings, words):
    with pytest.raises(SettingError, match=words):
        Window(**{"aggregate": N, **settings})


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"by": "nobody"}, "there is no column 'nobody'"),
        ({"by": "time"}, "'time' is a time"),
        (
            {"aggregate": {"n": ("key", mean("key"))}},
            "'n' takes a column of numbers; 'key' is text",
        ),
        ({"aggregate": {"n": ("no", mean("no"))}}, "there is no column 'no'"),
        ({"aggregate": {**N, "window_start": "n"}}, "two columns 'window_start'"),
        ({"aggregate": {**N, "rate": "m / 2"}}, "no column 'm'"),
        ({"by": "key", "aggregate": {"key": N["n"]}}, "two columns 'key'"),
    ],
)
def test_what_does_not_fit_the_schema_is_refused(settings, words):
    with pytest.raises((SchemaError, SettingError), match=words):
        Window(5, **{"aggregate": N, **settings}).bind(SCHEMA, ManualClock())


def test_int_keys_cannot_be_put_together_as_other():
    schema = Schema.of({"time": "time", "id": "int", "value": "float"}, "time")
    with pytest.raises(SchemaError, match="keys of text"):
        Window(5, by="id", overflow="other", aggregate=N).bind(schema, ManualClock())


def test_an_expression_that_gives_text_is_refused():
    with pytest.raises(SettingError, match="'x' is to give a number"):
        Window(5, aggregate={**N, "x": "'a'"}).bind(SCHEMA, ManualClock())


def test_a_percentile_of_another_share_does_not_go_on_from_a_state():
    def bound(how):
        return Window("5s", aggregate={"p": ("value", how)}).bind(SCHEMA, ManualClock())

    with pytest.raises(StateError, match="aggregate"):
        bound("p99").memory.load(bound("p95").memory.save())


def test_a_file_has_windows_too():
    table = {
        "do": "window",
        "size": "5s",
        "by": "key",
        "aggregate": {"mean": ["value", "mean"], "n": ["value", "count"], "twice": "mean * 2"},
    }
    out, _ = given_by(build(table), [(1, "a", 1.0), (2, "a", 4.0)], [0, 2])
    assert [(row["mean"], row["n"], row["twice"]) for row in out] == [(2.5, 2.0, 5.0)]
    with pytest.raises(SettingError, match="names no setting, 'sise'; did you mean 'size'"):
        build({**table, "sise": 5})
    with pytest.raises(SettingError, match="'aggregate' is missing"):
        build({"do": "window", "size": 5})


def angry(values):
    if 13 in values:
        raise ZeroDivisionError("unlucky")
    return values.sum()


class Summing:
    """A class of the user's: the sum, but not of 13."""

    def __init__(self):
        self.sum = 0.0

    def update(self, values, times):
        self.sum += angry(values)

    def merge(self, other):
        self.sum += other.sum

    def result(self):
        return self.sum


@pytest.mark.parametrize("how", [angry, Summing])
def test_a_metric_that_raises_gives_nan_or_goes_without_and_harms_no_other(how, caplog):
    window = Window("5s", by="key", aggregate={"sum": ("value", how), "n": ("value", "count")})
    rows = [(1, "a", 1.0), (1, "b", 13.0), (2, "a", 2.0), (7, "b", 3.0), (8, "c", 13.0)]
    out, tally = given_by(window, rows, [0, 3, 5])
    assert tally.rejected == 0
    assert [row["n"] for row in out] == [2, 1, 1, 1]
    if how is angry:
        assert np.array_equal([row["sum"] for row in out], [3, np.nan, 3, np.nan], equal_nan=True)
    assert [each.message for each in caplog.records if "unlucky" in each.message] != []


def test_a_class_of_the_users_slides_and_keeps_no_state():
    window = Window(6, slide=2, aggregate={"sum": ("value", Summing), "n": ("value", "sum")})
    rows = [(time, None, float(time % 5)) for time in range(40)]
    out, _ = given_by(window, rows, [0, 7, 19, 40])
    assert [row["sum"] for row in out] == [row["n"] for row in out]
    assert window.bind(SCHEMA, ManualClock()).memory is None
