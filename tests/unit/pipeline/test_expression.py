"""Expressions: what single ones give, what is refused and how, functions of one's own."""

import math
import time as wall

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from livewidget.data.batch import Batch
from livewidget.data.convert import NAT
from livewidget.data.errors import SchemaError, SettingError
from livewidget.data.schema import Schema
from livewidget.data.text import Text
from livewidget.pipeline.expression import Expression
from livewidget.pipeline.functions import FUNCTIONS
from livewidget.pipeline.textual import ToText
from livewidget.testing import ManualClock

NOW = 1_700_000_000_000_000_000
KINDS = {"time": "time", "due": "time", "x": "float", "y": "float", "n": "int"}
SCHEMA = Schema.of({**KINDS, "s": "text", "t": "text", "bid price": "float"}, "time")
ROW = (NOW, None, 1.0, None, 2, "a", None)


def batch_of(rows):
    """Rows of (time, due, x, y, n, s, t); None is missing."""
    time, due, x, y, n, s, t = zip(*rows, strict=True)
    due = np.array([NAT if each is None else each for each in due])
    x, y = (np.array([math.nan if each is None else each for each in part]) for part in (x, y))
    texts = Text.encode(s), Text.encode(t)
    return Batch(SCHEMA, (np.array(time), due, x, y, np.array(n), *texts, abs(x) + 1))


def values(text, rows, **options):
    return Expression(text, **options).bind(SCHEMA, ManualClock(NOW))(batch_of(rows))


def value(text, row=ROW, **options):
    result = values(text, [row], **options)
    return (result.decode() if isinstance(result, Text) else result).tolist()[0]


PIECES = [
    *("x", "y", "n", "s", "time", "due", "now()", "1", "9", "1e308", "'a'", "'('", '"', "(", ")"),
    *("+", "-", "*", "**", "/", "//", "%", "<", "==", "!=", "and", "or", "not", "in", "if"),
    *("else", ",", "[", "]", "{", "}", ":", ".", "__class__", "lambda", "for", "is", "None"),
    *("True", "f'{x}'", "b'a'", "1j", "&", "|", "~", "@", ":=", "=", "*", "await", "yield"),
    *("\n", "#", "\0", "é", "\\", "\t", ";", "column", "999999999999", "...", "²", "ªb"),
    *FUNCTIONS,
]


def outcome(text):
    """What binding and running a text gives; only the two errors may come of it."""
    try:
        bound = Expression(text).bind(SCHEMA, ManualClock(NOW))
    except (SettingError, SchemaError) as error:
        return error
    return bound(batch_of([ROW] * 2))


@settings(max_examples=1500, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=14).map(" ".join) | st.text(max_size=40))
@example("9**9**9**9**9")
@example("-" * 1999 + "x")
@example("(" * 900 + "x" + ")" * 900)
@example("not " * 499 + "True")
@example("x" + "+x" * 900)
@example("9" * 1500)
@example("x" * 3000)
@example("0<(" * 30 + "x" + "<1)<2" * 30)
@example("coalesce(" * 35 + "x" + ",y)" * 35)
@example("(" * 35 + "s" + "+1)" * 35)
@example("hour(time + " * 30 + "1" + ")" * 30)
@example("'{}'.format(x)")
@example("\ud800")
def test_no_text_does_anything_but_give_a_value_or_one_of_the_two_errors(text):
    started = wall.process_time()
    result = outcome(text)
    assert wall.process_time() - started < 2
    assert isinstance(result, (SettingError, SchemaError, Text)) or len(result) == 2


@pytest.mark.parametrize(
    ("text", "error", "what"),
    [
        ("x.real", SettingError, r"attributes.*not allowed.*\(column 1\)\n    x.real\n    \^{6}"),
        ("1 + x[0]", SettingError, r"subscripts.*\(column 5\)\n    1 \+ x\[0\]\n        \^{4}$"),
        ("[a for a in x]", SettingError, "listcomp is not allowed"),
        ("lambda: 1", SettingError, "lambda is not allowed"),
        ("(y := 3)", SettingError, "namedexpr is not allowed"),
        ("f'{x}'", SettingError, "text is not formatted here"),
        ("abs(*x)", SettingError, "arguments are written out"),
        ("round(x, digits=2)", SettingError, "arguments have no names"),
        ("x & y", SettingError, "joined by 'and', not by '&'"),
        ("x is None", SettingError, r"is_missing\(x\) tells"),
        ("x == None", SettingError, r"is_missing\(x\) tells"),
        ("x ^ 2", SettingError, r"a power is written \*\*"),
        ("1 +", SettingError, "cannot be read"),
        ("(x", SettingError, r"was never closed.*\(column 1\)"),
        ("", SettingError, "is empty"),
        ("x\0", SettingError, "cannot be read"),
        ("x > 1 # really\n and y > 2", SettingError, "holds no '#'"),
        (3, SettingError, "an expression is text, got 3"),
        ("x" * 3000, SettingError, "at most 2000 characters, got 3000"),
        ("x" + "+x" * 400, SettingError, "nested at most 40 deep"),
        ("9" * 400, SettingError, "the number is too large"),
        ("__import__('os')", SettingError, "there is no function '__import__'; the functions are"),
        ("eval('1')", SettingError, "there is no function 'eval'"),
        ("haet_index(x, y)", SettingError, "did you mean 'heat_index'"),
        ("abs(x)(y)", SettingError, "only a function's own name"),
        ("heat_index(x)", SettingError, "takes 2 arguments, got 1"),
        ("column(x)", SettingError, "takes the name of a column, in quotes"),
        ("round(x, y)", SchemaError, "a number from 0 to 15, written out"),
        ("tme + 1", SchemaError, "no column 'tme'; did you mean 'time'.*the columns are"),
        ("é + z", SchemaError, r"\(column 1\)\n    é \+ z\n    \^$"),
        ("'é' == s and z", SchemaError, r"no column 'z'.*\(column 14\)"),
        ("column('zz')", SchemaError, r"no column 'zz'.*\(column 8\)"),
        ("s + 1", SchemaError, "arithmetic takes a number, and this is text"),
        ("-s", SchemaError, "a sign is before a number"),
        ("x and y > 0", SchemaError, "'and' joins a condition, and this is a number"),
        ("not s", SchemaError, "'not' takes a condition"),
        ("x if y else n", SchemaError, "after 'if' comes a condition"),
        ("x if y > 0 else s", SchemaError, "of one type, got float and text"),
        ("x > s", SchemaError, "a number does not compare with text"),
        ("s < 'b'", SchemaError, "compared by == and !="),
        ("time > 'soon'", SchemaError, "'soon' is not a time"),
        ("time > s", SchemaError, "ISO 8601 text that is written out"),
        ("time > 5", SchemaError, "a time does not compare with a number"),
        ("time * 2", SchemaError, "takes or adds seconds"),
        ("time + due", SchemaError, "takes or adds seconds"),
        ("s in 'abc'", SettingError, "after 'in' comes a list"),
        ("1 < x in (2, 3)", SettingError, "not chained"),
        ("(x, y)", SettingError, "a list stands only after 'in'"),
        ("contains(s, t)", SchemaError, "a text that is written out"),
        ("matches(s, '(a+)+')", SettingError, "repeats what itself repeats"),
        ("matches(s, '(')", SettingError, "the pattern '\\('"),
        ("lower(x)", SchemaError, "lower takes text, and this is a number"),
        ("hour(x)", SchemaError, "hour takes a time"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(text, error, what):
    with pytest.raises(error, match=f"(?s){what}"):
        value(text)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("-x ** 2", -1.0),
        ("2 ** -1", 0.5),
        ("7 // 2 + 7 % 4", 6.0),
        ("x / 0", math.inf),
        ("9 ** 9 ** 9", math.inf),
        ("0 < x <= 1", True),
        ("0 < x < 1 < n", False),
        ("clip(n, 0, 1.5)", 1.5),
        ("round(2.675, 1) + round(2.5)", 4.7),
        ("column('bid price')", 2.0),
        ("matches(s, '^[a-c]$')", True),
        ("matches(upper(s), 'B')", False),
        ("strip(' b ') == 'b'", True),
        ("endswith('prices.csv', '.csv')", True),
        ("'b' if x > 1 else s", "a"),
        ("where(x > 0, n, x)", 2.0),
        ("(x > 0) + (n > 1)", 2.0),
        ("seconds(time)", NOW / 1e9),
        ("hour(time) * 100 + minute(time)", 2213.0),
        ("year(time) * 10000 + month(time) * 100 + day(time)", 20231114.0),
        ("weekday(time)", 1.0),
        ("time >= '2023-11-14T22:13:20Z'", True),
        ("'2023-11-14T23:13:20+01:00' == time", True),
        ("time != '2023-11-14'", True),
        ("due != '2023-11-14'", False),
        ("due in (time,)", False),
        ("time not in (due, now() - 1)", True),
        ("now() - time", 0.0),
        ("nan == nan", False),
        ("nan != nan", False),
        ("pi", math.pi),
    ],
)
def test_what_some_of_it_gives(text, wanted):
    assert value(text) == wanted


@pytest.mark.parametrize("name", ["exp", "log", "log2", "log10", "sin", "cos", "tan", "tanh"])
def test_functions_are_those_of_mathematics(name):
    assert value(f"{name}(x / 3)") == pytest.approx(getattr(math, name)(1 / 3))


@pytest.mark.parametrize("name", ["hour", "minute", "weekday", "day", "month", "year", "seconds"])
@given(moment=st.integers(-(2**62), 2**62))
@settings(max_examples=60, deadline=None)
def test_parts_of_a_time_are_those_of_the_calendar_in_utc(name, moment):
    import pandas as pd

    stamp = pd.Timestamp(moment, tz="UTC")
    part = moment / 1e9 if name == "seconds" else getattr(stamp, name)
    wanted = float(part() if callable(part) else part)
    assert value(f"{name}(time)", (moment, None, 1.0, 1.0, 1, "a", "a")) == wanted
    assert math.isnan(value(f"{name}(due)"))


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_a_function_of_what_is_written_out_is_one_value_for_all_rows(name):
    function = FUNCTIONS[name]
    words = {"float": "1.0", "bool": "True", "text": "'a'", "time": "now()", None: "1.0"}
    arguments = ", ".join(words[function.type_at(place)] for place in range(function.least))
    assert len(values(f"{name}({arguments})", [ROW] * 3)) == 3


@given(st.integers(NAT, 2**63 - 1), st.integers(NAT, 2**63 - 1))
@settings(max_examples=200, deadline=None)
def test_times_a_whole_reach_apart_differ_by_their_seconds(one, other):
    got = value("due - time", (other, one, 1.0, 1.0, 1, "a", "a"))
    if NAT in (one, other):
        assert math.isnan(got)
    else:
        assert got == pytest.approx((one - other) / 1e9, rel=1e-15)


@given(
    st.integers(NAT, 2**63 - 1),
    st.floats() | st.sampled_from([9.2e9, -9.2e9, 9.223372036854776e9, 0.25]),
    st.sampled_from(["+", "-"]),
)
@settings(max_examples=300, deadline=None)
@example(2**63 - 1, 1e-9, "+")
@example(NAT + 1, 1e-9, "-")
def test_a_time_moves_by_seconds_as_far_as_times_reach(moment, seconds, sign):
    bound = Expression(f"due {sign} x").bind(SCHEMA, ManualClock(NOW))
    got = bound(batch_of([(NOW, moment, seconds, 1.0, 1, "a", "a")])).tolist()[0]
    wanted = NAT
    if math.isfinite(seconds) and moment != NAT:
        shift = round(seconds * 1e9) if math.isfinite(seconds * 1e9) else 2**64
        moved = moment + shift if sign == "+" else moment - shift
        wanted = moved if abs(shift) < 2**63 and NAT < moved < 2**63 else NAT
    assert got == wanted


def test_text_of_many_rows_is_looked_at_once_a_category():
    seen = []

    def change(each):
        seen.append(each)
        return each.lower()

    table = ToText(change)
    text = Text(np.arange(1000, dtype=np.int32) % 2, ("A", "a"))
    for _ in range(3):
        assert set(table(text).decode()) == {"a"}
    assert seen == ["A", "a"]


def test_categories_that_changed_are_looked_at_again():
    schema = Schema.of({"time": "time", "s": "text"}, "time")
    bound = Expression("matches(upper(s), 'B')").bind(schema, ManualClock(NOW))
    for words in (["a", "b"], ["b", "a"], ["ab", None], ["a", "b"]):
        batch = Batch(schema, (np.zeros(2, dtype=np.int64), Text.encode(words)))
        assert bound(batch).tolist() == [word is not None and "b" in word for word in words]


def test_only_the_first_characters_of_a_long_text_are_matched():
    row = (NOW, None, 1.0, 1.0, 1, "a" * 500 + "b", "a" * 499 + "b")
    assert value("matches(s, 'b')", row) is False
    assert value("matches(t, 'b')", row) is True


def test_a_function_of_ones_own_gets_arrays_and_gives_numbers():
    seen = {}

    def mix(x, flag, when, word, fixed):
        seen.update(x=x, flag=flag, when=when, word=word, fixed=fixed)
        return x * 2

    rows = [(NOW, None, 1.0, None, 2, "a", None), (NOW, None, 3.0, None, 2, None, None)]
    assert values("mix(x, x > 1, due, s, 7) + 1", rows, functions={"mix": mix}).tolist() == [
        3.0,
        7.0,
    ]
    assert seen["flag"].tolist() == [0.0, 1.0]
    assert np.isnat(seen["when"]).all()
    assert seen["word"].tolist() == ["a", None]
    assert seen["fixed"].tolist() == [7.0, 7.0]
    assert not any(each.flags.writeable for each in seen.values())


@pytest.mark.parametrize(
    ("function", "what"),
    [
        (lambda _x: 1 / 0, "the function own failed: ZeroDivisionError"),
        (lambda x: np.append(x, 1), r"a row, 1 here; it returned float64 of shape \(2,\)"),
        (lambda _x: "text", "one number a row"),
        (lambda x: x.__setitem__(0, 1), "the function own failed: ValueError.*read-only"),
    ],
)
def test_a_function_of_ones_own_that_fails_says_so(function, what):
    with pytest.raises(SchemaError, match=what):
        value("own(x)", functions={"own": function})


@pytest.mark.parametrize("functions", [{"a b": abs}, {"a": 3}, {3: abs}])
def test_functions_that_are_none_are_refused(functions):
    with pytest.raises(SettingError, match="functions is a mapping of names to functions"):
        Expression("x", functions)
