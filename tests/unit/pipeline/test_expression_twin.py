"""Expressions against a twin that works out one row after the other."""

import math
import operator

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from livewidget.data.batch import Batch
from livewidget.data.convert import NAT
from livewidget.data.schema import Schema
from livewidget.data.text import Text
from livewidget.pipeline.expression import Expression
from livewidget.testing import ManualClock

NOW = 1_700_000_000_000_000_000
NAN = math.nan
SCHEMA = Schema.of(
    {
        "time": "time",
        "due": "time",
        "x": "float",
        "y": "float",
        "n": "int",
        "s": "text",
        "t": "text",
        "bid price": "float",
    },
    "time",
)


def batch_of(rows):
    """Rows of (time, due, x, y, n, s, t); None is missing."""
    columns = list(zip(*rows, strict=True)) if rows else [()] * 7
    time, due = (
        np.array([NAT if each is None else each for each in part], dtype=np.int64)
        for part in columns[:2]
    )
    x, y = (
        np.array([NAN if each is None else each for each in part], dtype=float)
        for part in columns[2:4]
    )
    texts = [Text.encode(part) for part in columns[5:7]]
    n = np.array(columns[4], dtype=np.int64)
    return Batch(SCHEMA, (time, due, x, y, n, *texts, x * 2))


def values(text, rows):
    clock = ManualClock(NOW)
    batch = batch_of(rows)
    bound = Expression(text).bind(SCHEMA, clock)
    result = bound(batch)
    if isinstance(result, Text):
        return result.decode().tolist()
    listed = result.tolist()
    if bound.type == "time":
        return [None if each == NAT else each for each in listed]
    return listed


# The twin: each part of an expression is its text and a function of a row (a dict).


def _both(sign, function, a, b):
    return f"({a[0]} {sign} {b[0]})", lambda row: function(a[1](row), b[1](row))


def _divide(a, b):
    with np.errstate(all="ignore"):
        return float(np.float64(a) / np.float64(b))


def _least(a, b):
    return float(np.minimum(a, b))  # its choice between the two zeros


def _greatest(a, b):
    return float(np.maximum(a, b))


def _root(a):
    return math.sqrt(a) if a >= 0 else NAN


def _is_missing(a):
    return a is None or (isinstance(a, float) and math.isnan(a))


def _compares(function):
    return lambda a, b: not _is_missing(a) and not _is_missing(b) and function(a, b)


def _if(where, a, b):
    return (
        f"({a[0]} if {where[0]} else {b[0]})",
        lambda row: a[1](row) if where[1](row) else b[1](row),
    )


def _call(name, function, *parts):
    text = ", ".join(part[0] for part in parts)
    return f"{name}({text})", lambda row: function(*(part[1](row) for part in parts))


def _first(a, b):
    return b if _is_missing(a) else a


def _seconds(a, b):
    return NAN if a is None or b is None else (a - b) / 10**9


def _later(a, b):
    if a is None or not math.isfinite(b):
        return None
    shift = float(np.rint(b * 1e9))
    moved = a + int(shift)
    return moved if abs(shift) < 2**63 and -(2**63) < moved < 2**63 else None


def _leaf(name):
    return name, operator.itemgetter(name)


def _literal(value):
    return repr(value), lambda _row: value


COMPARED = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}
ARITHMETIC = {"+": operator.add, "-": operator.sub, "*": operator.mul, "/": _divide}


@st.composite
def numbers(draw, depth):  # noqa: PLR0911  # one return a form
    if depth == 0:
        leaf = st.sampled_from(["x", "y", "n"]).map(_leaf)
        return draw(leaf | st.sampled_from([0.0, 1.0, 2.5, -3.0, 7.0]).map(_literal))
    one, less = numbers(depth - 1), depth - 1
    form = draw(st.integers(0, 9))
    if form <= 3:
        sign = draw(st.sampled_from(sorted(ARITHMETIC)))
        return _both(sign, ARITHMETIC[sign], draw(one), draw(one))
    if form == 4:
        name, function = draw(st.sampled_from([("abs", abs), ("sqrt", _root)]))
        return _call(name, function, draw(one))
    if form == 5:
        name, function = draw(st.sampled_from([("min", _least), ("max", _greatest)]))
        return _call(name, function, draw(one), draw(one))
    if form == 6:
        return _if(draw(conditions(less)), draw(one), draw(one))
    if form == 7:
        return _call("coalesce", _first, draw(one), draw(one))
    if form == 8:
        return _both("-", _seconds, draw(times(less)), draw(times(less)))
    text = draw(texts(less))
    return _call("length", lambda each: NAN if each is None else float(len(each)), text)


@st.composite
def conditions(draw, depth):  # noqa: PLR0911  # one return a form
    if depth == 0:
        return draw(st.booleans().map(_literal))
    less, form = depth - 1, draw(st.integers(0, 7))
    kind = draw(st.sampled_from([numbers, times]))(less)
    if form <= 1:
        sign = draw(st.sampled_from(sorted(COMPARED)))
        return _both(sign, _compares(COMPARED[sign]), draw(kind), draw(kind))
    if form == 2:
        sign = draw(st.sampled_from(["==", "!="]))
        return _both(sign, _compares(COMPARED[sign]), draw(texts(less)), draw(texts(less)))
    if form == 3:
        word = draw(st.sampled_from(["and", "or"]))
        function = operator.and_ if word == "and" else operator.or_
        return _both(word, function, draw(conditions(less)), draw(conditions(less)))
    if form == 4:
        part = draw(conditions(less))
        return f"(not {part[0]})", lambda row: not part[1](row)
    if form == 5:
        return _call("is_missing", _is_missing, draw(st.one_of(kind, texts(less))))
    if form == 6:
        word, test = draw(st.sampled_from([("contains", "contains"), ("startswith", "starts")]))
        part, whole = draw(texts(less)), draw(st.sampled_from(["a", "", "AB"]))
        if test == "contains":
            return _call(word, lambda a, b: a is not None and b in a, part, _literal(whole))
        return _call(word, lambda a, b: a is not None and a.startswith(b), part, _literal(whole))
    return draw(listed(less))


@st.composite
def listed(draw, depth):
    inverse = draw(st.booleans())
    if draw(st.booleans()):
        part, items = draw(texts(depth)), draw(st.lists(st.sampled_from(["a", "ab", "b"])))
    else:
        part, items = draw(numbers(depth)), draw(st.lists(st.sampled_from([1.0, 2.5, 7])))
    text = f"({part[0]} {'not in' if inverse else 'in'} {items!r})"

    def test(row):
        own = part[1](row)
        return not _is_missing(own) and (own in items) is not inverse

    return text, test


@st.composite
def texts(draw, depth):
    if depth == 0:
        return draw(
            st.sampled_from(["s", "t"]).map(_leaf) | st.sampled_from(["a", "AB", ""]).map(_literal)
        )
    less, form = depth - 1, draw(st.integers(0, 2))
    if form == 0:
        name = draw(st.sampled_from(["lower", "upper"]))
        change = getattr(str, name)
        part = draw(texts(less))
        return _call(name, lambda each: None if each is None else change(each), part)
    if form == 1:
        return _if(draw(conditions(less)), draw(texts(less)), draw(texts(less)))
    return _call("coalesce", _first, draw(texts(less)), draw(texts(less)))


@st.composite
def times(draw, depth):
    if depth == 0:
        leaf = st.sampled_from(["time", "due"]).map(_leaf)
        return draw(leaf | st.just(("now()", lambda _row: NOW)))
    if draw(st.booleans()):
        return _both("+", _later, draw(times(depth - 1)), draw(numbers(depth - 1)))
    return _if(draw(conditions(depth - 1)), draw(times(depth - 1)), draw(times(depth - 1)))


MOMENTS = st.sampled_from([NOW, NOW - 1, NOW + 1_500_000_000, 0, -(10**9)])
FLOATS = st.sampled_from([None, 0.0, -0.0, 1.0, 2.5, -3.0, 7.0, math.inf])
WORDS = st.sampled_from([None, "a", "b", "ab", "AB", ""])
ROWS = st.lists(
    st.tuples(
        MOMENTS, MOMENTS | st.none(), FLOATS, FLOATS, st.integers(-3, 7), WORDS, WORDS
    ),
    min_size=1,
    max_size=8,
)  # fmt: skip
PARTS = st.integers(0, 3).flatmap(
    lambda depth: st.one_of(numbers(depth), conditions(depth), texts(depth), times(depth))
)


def as_row(row):
    named = dict(zip(("time", "due", "x", "y", "n", "s", "t"), row, strict=True))
    for name in "xy":
        named[name] = NAN if named[name] is None else named[name]
    return {**named, "n": float(named["n"])}


@settings(max_examples=600, deadline=None)
@given(PARTS, ROWS)
def test_each_row_as_if_it_was_worked_out_alone(part, rows):
    text, twin = part
    wanted = [twin(as_row(row)) for row in rows]
    assert list(map(repr, values(text, rows))) == list(map(repr, wanted)), text


@settings(max_examples=100, deadline=None)
@given(PARTS, ROWS)
def test_rows_do_not_look_at_each_other_and_the_input_stays(part, rows):
    batch = batch_of(rows)
    before = list(map(str, batch.rows()))
    bound = Expression(part[0]).bind(SCHEMA, ManualClock(NOW))
    whole = bound(batch)
    for row in range(len(rows)):
        single = bound(batch.take(slice(row, row + 1)))
        if isinstance(whole, Text):
            assert single.decode().tolist() == whole[row : row + 1].decode().tolist()
        else:
            assert np.array_equal(single, whole[row : row + 1], equal_nan=whole.dtype.kind == "f")
    assert list(map(str, batch.rows())) == before
