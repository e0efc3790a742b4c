"""A stream as a file: what it makes, and what is wrong with it, with the line."""

import json

import pytest

from livewidget import DataStreamer
from livewidget.data.errors import SchemaError, SettingError
from livewidget.engine.plan import Plan
from livewidget.engine.thread import Engine
from livewidget.pipeline.rules import Rules
from livewidget.testing import wait_until

WHOLE = """
[stream]
time = "at"
columns = ["spread"]
unique = "id"
workers = 1
retries = 1

[source]
path = "feed.ndjson"
follow = false
start = "beginning"

[schema]
time = "at"
columns = { bid = "float", ask = "float", id = "text", level = "float" }

[queue]
rows = 5_000
overflow = "block"
high = "level >= 3"

[buffer]
retention = "1h"
max_bytes = 10_000_000

[[pipeline]]
do = "validate"
bid = { min = 0, required = true }

[[pipeline]]
do = "calculate"
spread = "ask - bid"

[[pipeline]]
do = "route"
outputs = { alarms = "level >= 3" }

[[output]]
to = "out.ndjson"

[[output]]
to = "alarms.ndjson"
from = "alarms"
"""


@pytest.fixture
def engine():
    engine = Engine()
    yield engine
    engine.close()


@pytest.fixture
def write(tmp_path):
    def write(text, name="stream.toml"):
        path = tmp_path / name
        path.write_text(text)
        return path

    return write


def feed(tmp_path, rows):
    lines = [
        json.dumps({"at": 1e9 + n, "bid": n, "ask": n + 2, "id": f"i{n}", "level": n % 5})
        for n in rows
    ]
    (tmp_path / "feed.ndjson").write_text("\n".join(lines) + "\n")


def test_a_file_makes_a_stream_from_source_to_outputs(tmp_path, write, engine):
    feed(tmp_path, [*range(100), *range(50), -1])
    streamer = DataStreamer.from_file(write(WHOLE), engine=engine)
    with streamer:
        assert streamer.wait(20)
    account = streamer.account()
    assert (account.received, account.stored, account.rejected) == (151, 60, 1)
    assert account.filtered == 50 + 40
    assert account.in_flight == 0
    out = [json.loads(line) for line in (tmp_path / "out.ndjson").read_text().splitlines()]
    alarms = [json.loads(line) for line in (tmp_path / "alarms.ndjson").read_text().splitlines()]
    assert [row["bid"] for row in out] == [n for n in range(100) if n % 5 < 3]
    assert [row["bid"] for row in alarms] == [n for n in range(100) if n % 5 >= 3]
    assert {row["spread"] for row in out + alarms} == {2}
    assert [each.written for each in streamer.outputs] == [60, 40]
    assert streamer.buffer.to_dataframe()["spread"].tolist() == [2.0] * 60


def test_yaml_says_the_same(tmp_path, write, engine):
    feed(tmp_path, range(10))
    text = """
source:
  path: feed.ndjson
  follow: false
  start: beginning
pipeline:
  - do: filter
    condition: bid >= 5
"""
    with DataStreamer.from_file(write(text, "stream.yaml"), time="at", engine=engine) as streamer:
        assert streamer.wait(20)
    assert streamer.account().stored == 5


def test_several_sources_run_side_by_side(tmp_path, write, engine):
    feed(tmp_path, range(10))
    (tmp_path / "more.ndjson").write_text('{"at": 1e9, "bid": 7, "ask": 8, "id": "x"}\n')
    text = """
stream = { time = "at" }
[[source]]
path = "feed.ndjson"
follow = false
start = "beginning"
[[source]]
path = "more.ndjson"
follow = false
start = "beginning"
"""
    with DataStreamer.from_file(write(text), engine=engine) as streamer:
        assert streamer.wait(20)
    assert streamer.account().stored == 11


def test_rules_may_lie_in_a_file_of_their_own(write, engine):
    write('[[pipeline]]\ndo = "filter"\ncondition = "n > 2"\n', "rules.toml")
    plan = Plan.load(write('[stream]\nrules = "rules.toml"\n'))
    assert isinstance(plan.pipeline[0], Rules)
    streamer = plan.open(engine=engine)
    streamer.push({"time": [1e9, 1e9 + 1], "n": [1, 3]})
    streamer.stop()
    assert streamer.account().stored == 1


def test_secrets_come_from_the_environment(write, monkeypatch):
    text = """
[source]
url = "https://host/feed"
auth = { kind = "bearer", token = { env = "FEED_TOKEN" } }
"""
    with pytest.raises(SettingError, match=r"stream.toml, line 4: the environment has no"):
        Plan.load(write(text))
    monkeypatch.setenv("FEED_TOKEN", "hunter2-hunter2")
    plan = Plan.load(write(text))
    assert "hunter2" not in repr(plan.source) + plan.summary()


def test_the_summary_tells_the_way(tmp_path, write):
    feed(tmp_path, range(3))
    summary = Plan.load(write(WHOLE)).summary()
    assert "feed.ndjson → validate → calculate → route →" in summary
    assert "alarms.ndjson" in summary


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("[strem]\n", 1, "is it 'stream'"),
        ('[stream]\ntime = "at"\nuniqe = "id"\n', 3, "is it 'unique'"),
        ("stream = 3\n", 1, "expected a table of settings, got 3"),
        ("[source]\nfollow = true\n", 1, "one of url, path and synthetic"),
        ('[source]\nurl = "gopher://host"\n', 1, "gopher:// is not supported"),
        ('[source]\nsynthetic = "noise"\n', 2, "synthetic is one of prices"),
        ('[source]\nsynthetic = "prices"\nspeed = 3\n', 1, "speed"),
        ('[source]\nurl = "ws://host"\nspeed = 3\n', 1, "speed"),
        ('[source]\nurl = "ws://host"\nauth = { kind = "magic" }\n', 3, "kind is one of bearer"),
        ('[schema]\ncolumns = { bid = "decimal" }\n', 1, "one of time, float, int, text"),
        ("[queue]\nrows = 0\n", 1, "rows is a whole number from 1 up"),
        ("[queue]\nrow = 5\n", 1, "row"),
        ('[buffer]\nretention = "soon"\n', 2, "retention"),
        ('[[pipeline]]\ndo = "filter"\ncondition = "bid >"\n', 3, "cannot be read"),
        ('[[pipeline]]\ndo = "explode"\n', 2, "names no operator, 'explode'"),
        ("[[output]]\nfrom = 'alarms'\n", 1, "an output has to = a URL"),
        ("[[output]]\nto = 'gopher://x'\n", 1, "gopher"),
        ("[stream]\nrules = 'none.toml'\n", 2, "cannot be read"),
        ("[stream]\ntime = = 3\n", 2, "Invalid value"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(write, text, line, words):
    with pytest.raises(SettingError, match=words) as caught:
        Plan.load(write(text))
    assert f"stream.toml, line {line}: " in str(caught.value)


def test_a_pipeline_that_does_not_fit_the_schema_is_an_error_before_anything_runs(write, engine):
    text = """
[schema]
columns = { bid = "float" }
[[pipeline]]
do = "filter"
condition = "price > 0"
"""
    with pytest.raises(SchemaError, match=r"stream.toml, line 6: .*'price'"):
        Plan.load(write(text)).open(engine=engine)


def test_an_output_that_fails_says_so_and_holds_nobody(write, tmp_path, engine, monkeypatch):
    monkeypatch.setattr("livewidget.engine.streamer._WRITE_S", 0.2)
    (tmp_path / "taken.ndjson").mkdir()
    streamer = Plan.load(write('[[output]]\nto = "taken.ndjson"\n')).open(engine=engine)
    streamer.push({"time": [1e9], "n": [1.0]})
    wait_until(lambda: streamer.outputs[0].error, 20)
    assert "taken.ndjson" in streamer.outputs[0].error
    streamer.stop()
    assert streamer.account().stored == 1
