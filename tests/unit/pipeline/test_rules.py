"""Operators from a file, errors with their line, and rules that change while they run."""

import logging
import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livewidget.data.batch import Batch
from livewidget.data.document import Document
from livewidget.data.errors import SchemaError, SettingError
from livewidget.data.schema import Schema
from livewidget.pipeline import registry
from livewidget.pipeline.chain import Pipeline
from livewidget.pipeline.operator import Bound, Operator, Tally
from livewidget.pipeline.registry import by_column, by_keyword, register
from livewidget.pipeline.route import Route
from livewidget.pipeline.rules import Rules, operators
from livewidget.testing import ManualClock

NOW = 1_700_000_000_000_000_000
SCHEMA = Schema.of({"time": "time", "bid": "float", "ask": "float", "line": "text"}, "time")

WHOLE = r"""
[[pipeline]]
do = "filter"
condition = "bid > 1"

[[pipeline]]
do = "calculate"
spread = "ask - bid"
wide = "spread > 1"

[[pipeline]]
do = "parse"
column = "line"
pattern = '%{WORD:word} %{NUMBER:n}'
types = { n = "int" }

[[pipeline]]
do = "route"
outputs = { wide = "wide == 1", big = "n > 6" }
match = "all"
priority = { big = "high" }
"""
YAML = r"""
pipeline:
  - do: filter
    condition: bid > 1
  - do: calculate
    spread: ask - bid
    wide: spread > 1
  - {do: parse, column: line, pattern: '%{WORD:word} %{NUMBER:n}', types: {n: int}}
  - do: route
    outputs:
      wide: wide == 1
      big: n > 6
    match: all
    priority: {big: high}
"""


def batch_of(bids=(1.0, 2.0, 3.0, 4.0)):
    size = len(bids)
    data = {
        "time": (NOW + np.arange(size)).view("datetime64[ns]"),
        "bid": np.array(bids),
        "ask": np.array([2.0, 2.5, 5.0, 4.5])[:size],
        "line": ["a 1", "b x", "c 7", "d 5"][:size],
    }
    return Batch.of(data, SCHEMA)


def from_text(text, form="toml", **options):
    document = Document.parse(text, form, "rules")
    return operators(document.data["pipeline"], document, ("pipeline",), **options)


@pytest.mark.parametrize(("text", "form"), [(WHOLE, "toml"), (YAML, "yaml")])
def test_operators_of_a_file_do_what_they_say(text, form):
    made = from_text(text, form)
    tally = Tally()
    result = Pipeline(made).bind(SCHEMA, ManualClock(NOW)).step(batch_of(), tally)
    assert [(row["word"], row["n"], row["spread"]) for row in result.rows()] == [("d", 5, 0.5)]
    assert (tally.filtered, tally.rejected) == (2, 1)
    assert [name for name, _ in tally.routed] == ["big", "wide"]
    assert [each.name for each in made] == ["filter", "calculate", "parse", "route"]
    assert [each.heavy for each in made] == [False, False, True, False]
    assert isinstance(made[-1].operator, Route)


def test_functions_of_ones_own_are_had_in_a_file():
    made = from_text(
        '[[pipeline]]\ndo = "calculate"\nx = "own(bid)"', functions={"own": np.negative}
    )
    result = made[0].bind(SCHEMA, ManualClock(NOW)).step(batch_of(), Tally())
    assert result["x"].tolist() == [-1.0, -2.0, -3.0, -4.0]


def table(body, before="\n"):
    return f"{before}[[pipeline]]\n{body}\n"


@pytest.mark.parametrize(
    ("text", "error", "what"),
    [
        ("pipeline = 3", SettingError, "line 1: pipeline is a list of at most 200 operators"),
        ("\npipeline = [3]", SettingError, "line 2: an operator is a table with a name.*got 3"),
        (table("x = 1"), SettingError, "line 2: do names no operator, None"),
        (table('do = "fliter"'), SettingError, "line 3: do names no operator, 'fliter'.*'filter'"),
        (table("do = []"), SettingError, r"line 3: do names no operator, \[\]"),
        (table('do = "filter"'), SettingError, "line 2: the setting 'condition' is missing"),
        (
            table('do = "filter"\ncondition = "bid > 1"\ncondicion = 1'),
            SettingError,
            "line 5: names no setting, 'condicion'; did you mean 'condition'",
        ),
        (
            table('do = "filter"\ncondition = "bid > 1"\nfunctions = {}'),
            SettingError,
            "names no setting, 'functions'",
        ),
        (table('do = "filter"\n\ncondition = "bid >"'), SettingError, "line 5: Filter: the expr"),
        (table('do = "filter"\ncondition = 3'), SettingError, "line 2: Filter: an expression is"),
        (table('do = "filter"\n\ncondition = "bud > 1"'), SchemaError, "line 5: .*column 'bud'"),
        (table('do = "filter"\ncondition = "bid"'), SchemaError, "line 4: Filter expects a cond"),
        (table('do = "calculate"\na = "1"\nb = "c"'), SchemaError, "line 5: Calculate 'b'"),
        (table('do = "calculate"\na = "1"\nb = 3'), SettingError, "line 5: Calculate 'b'"),
        (
            table('do = "route"\n[pipeline.outputs]\na = "1 > 0"\nb = "no"'),
            SchemaError,
            "line 6: output 'b'",
        ),
        (
            table('do = "route"\noutputs = {a = "1 > 0"}\npriority = "high"'),
            SettingError,
            "line 5: priority is a mapping",
        ),
        (
            table('do = "route"\noutputs = {a = "1 > 0"}\nmatch = "any"'),
            SettingError,
            "line 5: match is 'first' or 'all', got 'any'",
        ),
        (table('do = "parse"\ncolumn = "line"\npattern = "("'), SettingError, "line 5: pattern '"),
        (table('do = "parse"\ncolumn = []\npattern = "%{INT:x}"'), SettingError, "Parse takes"),
        (table('do = "parse"\ncolumn = "x"\npattern = "%{INT:x}"'), SchemaError, "no column 'x'"),
    ],
)
def test_what_is_wrong_names_the_file_and_the_line(text, error, what):
    with pytest.raises(error, match=f"rules, {what}" if what.startswith("line") else what):
        Pipeline(from_text(text)).bind(SCHEMA, ManualClock(NOW))


VALUES = st.recursive(
    st.sampled_from(["bid > 1", "line", "%{INT:x}", "first", "", 1, -0.5, True, "nan"]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["a", "x", "bid", "time"]), inner, max_size=2)
    ),
    max_leaves=4,
)
SETTINGS = st.sampled_from(
    [
        *("condition", "outputs", "match", "keep", "priority", "column", "pattern", "types"),
        *("max_length", "functions", "self", "x", "time"),
    ]
)


def bound_or_why(document):
    try:
        made = operators(document.data["pipeline"], document, ("pipeline",))
        return made[0].bind(SCHEMA, ManualClock(NOW)), ""
    except (SettingError, SchemaError) as error:
        return None, str(error)


@settings(max_examples=500, deadline=None)
@given(st.sampled_from(sorted(registry.FACTORIES)), st.dictionaries(SETTINGS, VALUES, max_size=5))
def test_any_settings_are_operators_or_one_of_the_two_errors(name, own):
    document = Document({"pipeline": [{"do": name, **own}]}, {}, "rules")
    bound, message = bound_or_why(document)
    if bound is None:
        assert message.startswith("rules, line 1: ")
        return
    tally = Tally()
    result = bound.step(batch_of(), tally)
    assert len(result) + tally.filtered + tally.rejected == 4


class Halve(Operator):
    name = "halve"

    def __init__(self, column, *, by=2):
        self.column, self.by = column, by / 1

    def bind(self, schema, clock):
        return Bound(schema, lambda batch, _tally: batch.take(slice(0, len(batch) // 2)))


def test_operators_of_ones_own_have_a_name_in_files(monkeypatch):
    monkeypatch.setattr(registry, "FACTORIES", dict(registry.FACTORIES))
    register("halve", by_keyword(Halve))
    register("calculate too", by_column(registry.Calculate))
    made = from_text(table('do = "halve"\ncolumn = "bid"') + table('do="calculate too"\nx="bid"'))
    bound = Pipeline(made).bind(SCHEMA, ManualClock(NOW))
    assert bound.step(batch_of(), Tally())["x"].tolist() == [1.0, 2.0]
    with pytest.raises(SettingError, match="an operator 'halve' already"):
        register("halve", by_keyword(Halve))
    with pytest.raises(SettingError, match=r"rules, line 2: halve cannot be made .*unsupported"):
        from_text(table('do = "halve"\ncolumn = "bid"\nby = "2"'))


class Live:
    """Rules in a file, a clock, and the step that goes by them."""

    def __init__(self, path, text):
        self.path = path
        self.writes = 0
        self.write(text)
        self.clock = ManualClock(NOW)
        self.rules = Rules(path)
        self.bound = self.rules.bind(SCHEMA, self.clock)

    def write(self, text):
        self.path.write_text(text)
        self.writes += 1
        os.utime(self.path, ns=(self.writes, self.writes))  # two writes within a tick of the disk

    def bids(self, after=1.0):
        self.clock.advance(after)
        tally = Tally()
        result = self.bound.step(batch_of(), tally)
        assert result.schema == self.bound.schema
        assert len(result) + tally.filtered + tally.rejected == 4
        return result["bid"].tolist()


def more_than(limit):
    return table(f'do = "filter"\ncondition = "bid > {limit}"')


@pytest.fixture
def live(tmp_path):
    return Live(tmp_path / "rules.toml", more_than(1))


def test_a_file_that_changes_changes_the_rules(live):
    assert live.bids() == [2.0, 3.0, 4.0]
    assert live.rules.loaded_at == NOW
    live.write(more_than(3))
    assert live.bids() == [4.0]
    assert live.rules.loaded_at == NOW + 2 * 10**9
    live.write(more_than(3) + table('do = "parse"\ncolumn = "line"\npattern = "%{DATA:line}"'))
    assert live.rules.heavy is False
    assert live.bids() == [4.0]
    assert live.rules.heavy is True
    assert live.rules.error == ""


def test_the_file_is_looked_at_once_a_second_of_the_clock(live):
    live.write(more_than(3))
    assert live.bids(0.999) == [2.0, 3.0, 4.0]
    assert live.bids(0.001) == [4.0]
    live.write(more_than(2))
    assert live.bids(0.5) == [4.0]
    assert live.bids(0.5) == [3.0, 4.0]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("[[pipeline]\n", "rules.toml, line 1: "),
        (table('do = "fliter"'), "rules.toml, line 3: do names no operator"),
        (table('do = "filter"\ncondition = "bud > 1"'), "rules.toml, line 4: Filter: .*'bud'"),
        (table('do = "calculate"\nx = "1"'), "line 1: the columns that come out may not change"),
        (table('do = "calculate"\nbid = "line"'), "line 1: the columns that come out may not"),
        ("x = 1", "rules.toml, line 1: there is no 'pipeline' in it"),
        (None, "rules.toml: cannot be read"),
    ],
)
def test_rules_that_are_wrong_are_refused_and_those_before_go_on(live, caplog, text, what):
    caplog.set_level(logging.WARNING, "livewidget")
    if text is None:
        live.path.unlink()
    else:
        live.write(text)
    assert live.bids() == live.bids() == live.bids() == [2.0, 3.0, 4.0]
    assert live.rules.loaded_at == NOW
    with pytest.raises(SettingError, match=what):
        raise SettingError(live.rules.error)
    assert [(each.name, each.levelname) for each in caplog.records] == [("livewidget", "WARNING")]
    assert live.rules.error in caplog.records[0].getMessage()
    live.write(more_than(3))
    assert live.bids() == [4.0]
    assert live.rules.error == ""


def test_rules_go_back_to_a_file_that_is_as_it_was(live):
    state = live.path.stat()
    text = live.path.read_text()
    live.path.write_text("nonsense")
    live.bids()
    assert live.rules.error
    live.path.write_text(text)
    os.utime(live.path, ns=(state.st_atime_ns, state.st_mtime_ns))
    assert live.bids() == [2.0, 3.0, 4.0]
    assert live.rules.error == ""


def test_rules_that_are_wrong_at_the_start_are_an_error_there(tmp_path):
    path = tmp_path / "rules.toml"
    with pytest.raises(SettingError, match=r"rules.toml: cannot be read"):
        Rules(path)
    path.write_text(table('do = "filter"\ncondition = "bid >"'))
    with pytest.raises(SettingError, match=r"rules.toml, line 4: Filter"):
        Rules(path)
    path.write_text(table('do = "filter"\ncondition = "bid > z"'))
    with pytest.raises(SchemaError, match=r"rules.toml, line 4: Filter.*no column 'z'"):
        Rules(path).bind(SCHEMA, ManualClock(NOW))


def test_rules_may_stand_under_another_key_and_in_yaml(tmp_path):
    path = tmp_path / "rules.yaml"
    path.write_text("rules:\n- do: filter\n  condition: bid > 3\n")
    bound = Rules(path, key="rules").bind(SCHEMA, ManualClock(NOW))
    assert bound.step(batch_of(), Tally())["bid"].tolist() == [4.0]
