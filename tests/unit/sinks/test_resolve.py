import sys
from pathlib import Path

import pytest

from livewidget.data.errors import MissingExtraError, SettingError, SinkError
from livewidget.sinks import (
    ElasticSink,
    FileSink,
    FunctionSink,
    HttpSink,
    KafkaSink,
    MqttSink,
    ParquetSink,
    PostgresSink,
    RedisSink,
    SseSink,
    WebhookSink,
    WebSocketSink,
    sink_for,
)


@pytest.mark.parametrize(
    ("to", "kind", "name"),
    [
        ("-", FileSink, "the standard output"),
        ("out/ticks.csv", FileSink, "ticks.csv"),
        ("out/ticks.csv.gz", FileSink, "ticks.csv.gz"),
        ("file:///tmp/a%20b.ndjson", FileSink, "a b.ndjson"),
        ("ws://0.0.0.0:8765", WebSocketSink, "ws://0.0.0.0:8765"),
        ("ws://[::1]:8765", WebSocketSink, "ws://[::1]:8765"),
        ("sse://127.0.0.1:8000/events", SseSink, "sse://127.0.0.1:8000/events"),
        ("http://127.0.0.1:8000/", HttpSink, "http://127.0.0.1:8000/"),
        ("kafka://host/topic", KafkaSink, "kafka://host:9092/topic"),
        ("mqtt://host/a/b", MqttSink, "mqtt://host:1883/a/b"),
        ("mqtts://user:secret@host/a", MqttSink, "mqtts://host:8883/a"),
        ("elastic://user:secret@host/ticks", ElasticSink, "elastic://host:9200/ticks"),
        ("opensearchs://host:443/a/ticks", ElasticSink, "opensearchs://host:443/a/ticks"),
        (
            "postgresql://me:secret@host/db",
            PostgresSink,
            "postgresql://me@host/db, table livewidget_rows",
        ),
        ("redis://me:secret@host/1", RedisSink, "redis://host/1, stream livewidget"),
        ("rediss://host:7000", RedisSink, "rediss://host:7000, stream livewidget"),
        ("webhook+https://me:secret@host/secret?k=secret", WebhookSink, "webhook+https://host"),
        ("out/ticks.parquet", ParquetSink, "ticks-*.parquet in out"),
        (Path("out/t-*.parquet"), ParquetSink, "t-*.parquet in out"),
        ("file:///tmp/ticks.parquet", ParquetSink, "ticks-*.parquet in tmp"),
        (print, FunctionSink, "print"),
    ],
)
def test_a_url_or_a_path_is_the_sink_it_looks_like(to, kind, name):
    sink = sink_for(to)
    assert type(sink) is kind
    assert sink.name == name
    assert "secret" not in repr(sink)


@pytest.mark.parametrize(
    ("to", "options", "message"),
    [
        ("ftp://user:secret@host", {}, "ftp:// is no sink; expected a URL .file://, elastic://"),
        ("localhost:8765", {}, "expected a URL .* got 'localhost:8765'"),
        (7, {}, "expected a URL .* got 7"),
        ("ws://host", {}, "names no port"),
        ("ws://:80", {}, "names no host"),
        ("ws://secret:x", {}, "host or port cannot be read"),
        ("kafka://host", {}, "names no topic"),
        ("kafka://user:secret@host/t", {}, "takes no user"),
        ("kafka://host/t", {"key": "s", "format": "ndjson"}, "key is for a message an event"),
        ("mqtt://host/a/+", {}, "no . and #, got 'a/.'"),
        ("mqtt://host/a", {"qos": 3}, "qos is 0, 1 or 2, got 3"),
        ("ws://host:1", {"slow": "wait"}, "slow is 'skip' or 'disconnect', got 'wait'"),
        ("ws://host:1", {"qos": 1}, "WebSocketSink has no option qos; it has format, times"),
        ("ws://host:1", {"format": "xml"}, "got 'xml'"),
        ("ws://host:1", {"buffer_bytes": 0}, "buffer_bytes"),
        ("sse://host:1", {"format": "msgpack"}, "format is text for Server-Sent Events"),
        ("http://host:1", {"format": "csv"}, "format is 'json' .* got 'csv'"),
        ("http://host:1", {"newest": 0}, "newest .* got 0"),
        ("ticks.parquet.gz", {}, "expected a URL .* got 'ticks.parquet.gz'"),
        (int, {}, "expected a URL .*, a function or '-'"),
        (print, {"key": "a"}, "FunctionSink has no option key; it has as_batch, numbered"),
        ("t.parquet", {"append": True}, "ParquetSink has no option append; it has rows, seconds"),
        ("elastic://a:secret@host/i", {"table": "x"}, "ElasticSink has no option table; it has"),
        ("elastic://host/i", {"action": "put"}, "action is 'index' or 'create', got 'put'"),
        ("elastic://host/i", {"key": ()}, "key is a column or several"),
        ("postgresql://a:secret@host/d", {"times": "iso"}, "times is 'timestamptz' or 'ns'"),
        ("postgresql://a:secret@host/d", {"table": "a."}, r"table is a name, or schema\.name"),
        ("postgresql://a:secret@host/d", {"on_conflict": "update"}, "needs key"),
        ("postgresql://a:secret@host:x y/d", {}, "url is an address such as"),
        ("redis://a:secret@host:port", {}, "url is a URL such as"),
        ("redis://host", {"run": "a"}, "run is a whole number from 0 up, or None, got 'a'"),
        ("redis://host", {"max_len": 0}, "max_len is a whole number from 1 up, or None, got 0"),
    ],
)
def test_what_cannot_be_is_an_error_at_the_door(to, options, message):
    with pytest.raises(SettingError, match=message) as raised:
        sink_for(to, **options)
    assert "secret" not in str(raised.value)


def test_a_sink_is_taken_as_it_is():
    sink = FileSink("-")
    assert sink_for(sink, format=None) is sink
    with pytest.raises(SettingError, match="is a sink already: set format on it"):
        sink_for(sink, format="csv")


@pytest.mark.parametrize("to", ["ws://127.0.0.1:{}", "sse://127.0.0.1:{}", "http://127.0.0.1:{}"])
async def test_a_taken_port_is_one_clear_error(to):
    async with sink_for("ws://127.0.0.1:0") as first:
        second = sink_for(to.format(first.port))
        with pytest.raises(SinkError, match="cannot be served"):
            await second.open()
        await second.close()


@pytest.mark.parametrize(
    ("to", "package", "extra"),
    [
        ("kafka://host/t", "confluent_kafka", "kafka"),
        ("postgresql://host/db", "psycopg", "postgres"),
        ("redis://host", "redis", "redis"),
        ("mqtt://host/t", "aiomqtt", "mqtt"),
    ],
)
async def test_a_missing_package_names_its_extra(monkeypatch, to, package, extra):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtraError, match=rf"livewidget\[{extra}\]"):
        await sink_for(to).open()
