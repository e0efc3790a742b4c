"""Lines taken apart: fields, types, and the lines that are rejected with their reason."""

import time
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livewidget.data.batch import Batch
from livewidget.data.convert import NAT
from livewidget.data.errors import SchemaError, SettingError
from livewidget.data.schema import Schema
from livewidget.data.text import Text
from livewidget.pipeline.grok import PATTERNS, expand
from livewidget.pipeline.moments import times_of
from livewidget.pipeline.operator import Tally
from livewidget.pipeline.parse import Parse
from livewidget.testing import ManualClock

NOW = 1_700_000_000_000_000_000
SCHEMA = Schema.of({"time": "time", "n": "int", "line": "text"}, "time")


def batch_of(lines):
    size = len(lines)
    return Batch(SCHEMA, (NOW + np.arange(size), np.arange(size), Text.encode(lines)))


def run(operator, lines):
    bound = operator.bind(SCHEMA, ManualClock(NOW))
    tally, batch = Tally(), batch_of(lines)
    result = bound.step(batch, tally)
    assert result.schema == bound.schema
    assert len(result) + tally.filtered + tally.rejected == len(batch)
    return list(result.rows()), [(each.payload["n"], each.reason) for each in tally.letters]


def one(pattern, line, **options):
    """The fields of one line, or the reason."""
    rows, reasons = run(Parse("line", pattern, **options), [line])
    return rows[0] if rows else reasons[0][1]


def test_a_line_of_a_web_server():
    line = (
        '203.0.113.9 - bob [10/Oct/2000:13:55:36 -0700] "GET /a b.gif HTTP/1.0" 200 2326 '
        '"http://x/" "Mozilla \\"5\\""'
    )
    assert one("%{COMBINEDLOG}", line) == {
        "time": int(datetime(2000, 10, 10, 20, 55, 36, tzinfo=UTC).timestamp()) * 10**9,
        "n": 0,
        "client": "203.0.113.9",
        "ident": "-",
        "user": "bob",
        "request": "GET /a b.gif HTTP/1.0",
        "status": 200.0,
        "bytes": 2326.0,
        "referrer": "http://x/",
        "agent": 'Mozilla \\"5\\"',
    }


@pytest.mark.parametrize(
    ("pattern", "line", "wanted"),
    [
        ("%{NUMBER:x}", "-1.5e3", {"x": -1500.0}),
        ("%{NUMBER:x:text} .*", "7 seven", {"x": "7"}),
        ("%{INT:x:int}", "9007199254740993", {"x": 9007199254740993}),
        (r"(?P<x>\w+)=(?P<y>\d+)?", "a=", {"x": "a", "y": None}),
        ("(?:%{INT:x}|-)", "-", {"x": pytest.approx(np.nan, nan_ok=True)}),
        ("%{DATA:x}, %{DATA:y}", "a,b, c", {"x": "a,b", "y": "c"}),
        ("%{DATA:x} +%{GREEDYDATA:y}", "a   b c", {"x": "a", "y": "b c"}),
        ("%{LEVEL:x} %{UUID}", "WARN 123e4567-e89b-12d3-a456-426614174000", {"x": "WARN"}),
        ("%{DATA:x}ab?%{INT:y}", "x-a7", {"x": "x-", "y": 7.0}),
        (r"%{DATA:x}\.\.%{DATA:y}\.+%{INT:z}", "a..b..7", {"x": "a", "y": "b", "z": 7.0}),
        ("%{DATA:x}%{INT:y}", "ab-7", {"x": "ab", "y": -7.0}),
        ("%{DATA:x}%%{INT:y}", "a%7", {"x": "a", "y": 7.0}),
        ("%{IP:x} %{IPV6:y}", "10.0.0.1 fe80::1", {"x": "10.0.0.1", "y": "fe80::1"}),
        ("%{WORD:x}%{SPACE}=%{SPACE}%{QUOTED:y}", 'k = "v w"', {"x": "k", "y": '"v w"'}),
        ("%{ISO8601:x:time}", "2024-05-31 12:00:00,5+02:00", {"x": 1717149600500000000}),
        ("%{NUMBER:x:time}", "1717149600.5", {"x": 1717149600500000000}),
        ("%{NUMBER:x:time}", "1717149600500", {"x": 1717149600500000000}),
        ("%{ISO8601:time:time}", "2024-05-31T12:00:00Z", {"time": 1717156800000000000}),
    ],
)
def test_fields_and_their_types(pattern, line, wanted):
    row = one(pattern, line)
    assert isinstance(row, dict), row
    assert {name: row[name] for name in wanted} == wanted
    assert row.keys() == {"time", "n", *wanted}


@pytest.mark.parametrize(
    ("pattern", "line", "reason"),
    [
        ("%{INT:x}", "7 ", "the line does not match the pattern"),
        ("%{INT:x}", None, "there is no line"),
        ("%{DATA:x}", "a" * 5000, "the line has more than 4096 characters"),
        ("%{DATA:x:float}", "1_000", "x is not a number"),
        ("%{DATA:x:int}", "1.5", "x is not a whole number"),
        ("%{DATA:x:int}", "9" * 30, "x is not a whole number"),
        ("(?:%{INT:x:int}|-)", "-", "x is not a whole number"),
        ("%{DATA:x:time}", "soon", "x is not a time"),
        ("%{NUMBER:x:time}", "1e300", "x is not a time"),
        ("%{DATA:x:time}", "3024-05-31", "x is not a time"),
        ("(?:%{ISO8601:time:time}|-)", "-", "the line has no time"),
    ],
)
def test_a_line_that_is_none_is_rejected_with_its_reason(pattern, line, reason):
    assert one(pattern, line) == reason


def test_the_line_stays_where_it_is_asked_for_and_types_come_beside_plain_groups():
    rows, _ = run(Parse("line", r"(?P<x>\d+)", types={"x": "float"}, keep=True), ["7", "8"])
    assert rows[1] == {"time": NOW + 1, "n": 1, "line": "8", "x": 8.0}
    replaced, _ = run(Parse("line", "(?P<line>a)b?"), ["ab"])
    assert replaced[0]["line"] == "a"


LINES = st.lists(
    st.sampled_from(["a 1", "b 2.5", "a 1", "rubbish", None, "a x", "", "c -3"])
    | st.text(max_size=6),
    min_size=1,
    max_size=20,
)


@settings(max_examples=150, deadline=None)
@given(LINES)
def test_each_line_as_if_it_came_alone(lines):
    operator = Parse("line", r"%{WORD:w} %{NOTSPACE:v:float}")
    rows, reasons = run(operator, lines)
    alone = [run(operator, [line]) for line in lines]
    assert [row["n"] for row in rows] == [n for n, each in enumerate(alone) if each[0]]
    assert [(row["w"], repr(row["v"])) for row in rows] == [
        (each[0][0]["w"], repr(each[0][0]["v"])) for each in alone if each[0]
    ]
    assert sorted(reasons) == sorted((n, each[1][0][1]) for n, each in enumerate(alone) if each[1])


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.sampled_from([f"%{{{name}:f}}" for name in PATTERNS])
        | st.sampled_from(["%{DATA:g}", " ", "x", "*", "%{", "}", "(", ")", r"\d+", "%{INT:i}"]),
        max_size=6,
    ).map("".join),
)
def test_any_pattern_is_refused_or_done_soon(pattern):
    try:
        operator = Parse("line", pattern)
    except SettingError:
        return
    for line in ("a" * 4095 + "!", " " * 4095 + "!", "1." * 2047 + "!", "x, " * 1300):
        started = time.process_time()
        run(operator, [line])
        assert time.process_time() - started < 2, pattern


@given(st.lists(st.sampled_from([None, "soon", "0", "1717149600", "1e9", "2024-05-31", "9" * 25])))
@settings(max_examples=100, deadline=None)
def test_times_are_read_each_as_if_it_came_alone(texts):
    known = {
        "0": 0,
        "1717149600": 1717149600 * 10**9,
        "2024-05-31": 1717113600 * 10**9,
    }
    assert times_of(texts).tolist() == [known.get(text, NAT) for text in texts]


@pytest.mark.parametrize(
    ("pattern", "options", "error", "what"),
    [
        ("", {}, SettingError, "pattern is text of 1 to 2000 characters"),
        (3, {}, SettingError, "pattern is text.*got 3"),
        ("a+", {}, SettingError, "pattern names no field"),
        ("%{INTT:x}", {}, SettingError, "no pattern '%{INTT:x}'; did you mean INT"),
        ("%{INT:x:number}", {}, SettingError, "the type of 'x' is one of time, float, int, text"),
        ("%{INT:x} %{INT:x}", {}, SettingError, "the field 'x' twice"),
        (r"(?P<x>a+)+", {}, SettingError, "repeats what itself repeats"),
        ("(?P<x>.*).*.* b", {}, SettingError, "more than 2 repeats"),
        ("(?P<x>", {}, SettingError, "pattern '"),
        ("%{INT:x}", {"types": {"y": "float"}}, SettingError, "no field of the pattern, 'y': x"),
        ("%{INT:x}", {"max_length": 10**6}, SettingError, "max_length.*1 to 4096, got 1000000"),
        ("%{INT:time}", {}, SchemaError, "'time' is the time of the event: it is of type time"),
    ],
)
def test_what_is_wrong_says_so(pattern, options, error, what):
    with pytest.raises(error, match=what):
        Parse("line", pattern, **options).bind(SCHEMA, ManualClock(NOW))


def test_a_column_that_is_no_text_says_so():
    with pytest.raises(SchemaError, match="Parse expects text in column 'n', it is int"):
        Parse("n", "%{INT:x}").bind(SCHEMA, ManualClock(NOW))


@pytest.mark.parametrize("name", sorted(PATTERNS))
def test_every_named_pattern_is_one(name):
    pattern, _ = expand(f"%{{{name}:x}}" if "%{" not in PATTERNS[name] else f"%{{{name}}}")
    assert pattern.groupindex
