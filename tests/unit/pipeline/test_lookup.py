"""Context by key: what is known, for how long, and how often the function is asked."""

import re
from collections import OrderedDict

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livewidget.data.errors import SchemaError, SettingError
from livewidget.data.schema import Kind
from livewidget.pipeline.lookup import Lookup
from livewidget.testing import ManualClock

from .streams import ROWS, SCHEMA, batch_of, column, cut, plain, run

TABLE = {"a": {"sector": "tech", "lot": 10}, "b": {"sector": None, "lot": 5.5}}
FRAME = pd.DataFrame({"key": ["a", "b"], "sector": ["tech", None], "lot": [10, 5.5]})
USING = {
    "mapping": TABLE,
    "rows": {"a": ("tech", 10), "b": [None, 5.5]},
    "frame": FRAME,
    "index": FRAME.set_index("key"),
}
KINDS = {"sector": "text", "lot": "float"}


def keyed(key, n=0):
    return (0, key, 1.0, n, None, None)


@settings(max_examples=100, deadline=None)
@given(ROWS, st.sampled_from([*USING, "function"]), st.booleans(), st.data())
def test_each_row_gets_what_is_known_about_its_key(rows, using, reject, data):
    missing = "reject" if reject else "nan"
    if using == "function":
        lookup = Lookup("key", lambda _: TABLE, KINDS, missing=missing)
    else:
        lookup = Lookup("key", USING[using], ["sector", "lot"], missing=missing)
    out, tally = run(lookup, data.draw(cut(rows)))
    nothing = {"sector": None, "lot": None}
    slow = [row | TABLE.get(row["key"], nothing) for row in map(plain, batch_of(rows).rows())]
    known = [row for row in slow if row["key"] in TABLE]
    assert out == (known if reject else slow)
    assert tally.rejected == (len(slow) - len(known) if reject else 0)
    assert {each.reason for each in tally.letters} <= {"key: nothing is known about it"}


@pytest.mark.parametrize(("name", "keys"), [("n", {1: 2.0, 2: 4.0}), ("value", {1: 2.0})])
def test_a_key_may_be_a_number(name, keys):
    batch = batch_of([(0, "a", 1.0, 1, None, None), (0, "a", None, 3, None, None)])
    out, _ = run(Lookup(name, keys, "twice"), [batch])
    assert column(out, "twice") == [2.0, None]
    out, _ = run(Lookup(name, lambda _: keys, {"twice": "float"}), [batch])
    assert column(out, "twice") == [2.0, None]


def test_a_text_column_of_numbers_finds_the_keys_of_a_mapping_by_number():
    out, _ = run(Lookup("key", {7: "seven"}, "word_of"), [batch_of([keyed("7"), keyed("8")])])
    assert column(out, "word_of") == ["seven", None]


class Service:
    """A slow service that knows the letters, and notes what it was asked."""

    def __init__(self):
        self.asked = []

    def __call__(self, keys):
        self.asked.append(sorted(keys))
        return {key: ord(key) for key in keys if key != "?"}


def test_a_function_is_asked_once_a_batch_for_the_keys_that_are_not_known_freshly():
    service, clock = Service(), ManualClock()
    lookup = Lookup("key", service, {"code": "float"}, ttl="10s")
    step = lookup.bind(SCHEMA, clock).step
    assert lookup.heavy

    def codes(*keys):
        return step(batch_of([keyed(key) for key in keys]), None)["code"].tolist()

    assert codes("b", "a", "b", None) == pytest.approx([98, 97, 98, np.nan], nan_ok=True)
    assert codes("a", "?") == pytest.approx([97, np.nan], nan_ok=True)
    assert codes("a", "?") == pytest.approx([97, np.nan], nan_ok=True)  # unknown is an answer too
    assert service.asked == [["a", "b"], ["?"]]
    clock.advance(9.9)
    codes("a")
    assert len(service.asked) == 2
    clock.advance(0.1)
    codes("a", "b")
    assert service.asked[2:] == [["a", "b"]]
    assert dict(lookup.counts) == {"hits": 4, "misses": 5, "keys forgotten": 0}


def test_its_cache_is_bounded_and_forgets_the_least_recently_used():
    service = Service()
    lookup = Lookup("key", service, {"code": "float"}, limit=2)
    step = lookup.bind(SCHEMA, ManualClock()).step
    for keys in ("a", "b", "a", "c", "a", "b"):
        step(batch_of([keyed(key) for key in keys]), None)
    assert service.asked == [["a"], ["b"], ["c"], ["b"]]
    assert lookup.counts["keys forgotten"] == 2
    out = step(batch_of([keyed(key) for key in "defg"]), None)  # more than there is room for
    assert out["code"].tolist() == [100, 101, 102, 103]


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from("abcd"), st.integers(0, 3)), min_size=1, max_size=40),
    st.integers(1, 4),
)
def test_its_cache_is_that_of_a_twin(steps, limit):
    service, clock, cache, asked = Service(), ManualClock(), OrderedDict(), []
    step = Lookup("key", service, {"code": "float"}, ttl=5, limit=limit).bind(SCHEMA, clock).step
    for key, pause in steps:
        clock.advance(pause)
        step(batch_of([keyed(key)]), None)
        if key not in cache or clock.monotonic() >= cache[key]:
            asked.append([key])
            cache[key] = clock.monotonic() + 5
        cache.move_to_end(key)
        while len(cache) > limit:
            cache.popitem(last=False)
    assert service.asked == asked


def test_where_the_function_fails_nothing_is_kept():
    calls = []

    def flaky(keys):
        calls.append(keys)
        if len(calls) == 1:
            raise ConnectionError("gone")
        return {"a": 1.0} if len(calls) == 2 else {"a": (1.0, 2.0)}

    lookup = Lookup("key", flaky, {"code": "float"})
    step = lookup.bind(SCHEMA, ManualClock()).step
    with pytest.raises(ConnectionError):
        step(batch_of([keyed("a")]), None)
    assert not any(lookup.counts.values())
    assert step(batch_of([keyed("a")]), None)["code"].tolist() == [1.0]
    with pytest.raises(SchemaError, match=re.escape("expected code")):
        Lookup("key", flaky, {"code": "float"}).bind(SCHEMA, ManualClock()).step(
            batch_of([keyed("a")]), None
        )


def test_a_function_that_returns_no_mapping_is_told():
    step = Lookup("key", lambda keys: keys, {"code": "float"}).bind(SCHEMA, ManualClock()).step
    with pytest.raises(SchemaError, match=re.escape("returns a mapping by key; got ['a']")):
        step(batch_of([keyed("a")]), None)


def test_kinds_are_found_out_or_told():
    bound = Lookup("key", TABLE, ["sector", "lot"]).bind(SCHEMA, ManualClock())
    assert [bound.schema.kind(name) for name in ("sector", "lot")] == [Kind.TEXT, Kind.FLOAT]
    whole = Lookup("key", {"a": 3}, {"lot": "int"}, missing="reject")
    rows, _ = run(whole, [batch_of([keyed("a"), keyed("b")])])
    assert column(rows, "lot") == [3]


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: Lookup("key", TABLE, []), "add names one column at least"),
        (lambda: Lookup("key", TABLE, ["sector"], missing="drop"), "missing is 'nan' or 'reject'"),
        (lambda: Lookup("key", TABLE, ["sector"], ttl=0), "ttl is a positive duration"),
        (lambda: Lookup("key", TABLE, ["sector"], limit=0), "limit is a whole number"),
        (lambda: Lookup("key", TABLE, {"lot": "number"}), "the kind of 'lot' is one of"),
        (lambda: Lookup("key", TABLE, {"lot": "int"}), "nothing is missing in kind 'int'"),
        (lambda: Lookup("key", dict, ["sector"]), "add tells the kind of each column"),
        (lambda: Lookup("key", 7, ["sector"]), "a mapping, a DataFrame or a function; got 7"),
        (lambda: Lookup("key", FRAME, ["size"]), "the DataFrame has no column 'size'"),
        (lambda: Lookup("key", pd.concat([FRAME, FRAME]), ["lot"]), "a key of 'key' twice"),
        (lambda: Lookup("key", {"a": (1, 2)}, ["lot"]), "of 'a' Lookup found (1, 2)"),
    ],
)
def test_a_setting_that_cannot_be_is_told_at_once(make, told):
    with pytest.raises((SettingError, SchemaError), match=re.escape(told)):
        make()


@pytest.mark.parametrize(
    ("lookup", "told"),
    [
        (Lookup("symbol", TABLE, ["lot"]), "no column 'symbol'"),
        (Lookup("seen", TABLE, ["lot"]), "'seen' is 'time'"),
        (Lookup("key", {"a": 1}, "n"), "adds a column 'n'"),
    ],
)
def test_a_column_that_does_not_fit_is_told_when_it_is_bound(lookup, told):
    with pytest.raises(SchemaError, match=re.escape(told)):
        lookup.bind(SCHEMA, ManualClock())
