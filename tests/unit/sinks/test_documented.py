"""The page on targets names every option that there is, and none that there is not."""

import inspect
import re
from pathlib import Path

import pytest

from livewidget.engine.outputs import Delivery
from livewidget.sinks import (
    ElasticSink,
    FileSink,
    FunctionSink,
    KafkaSink,
    ParquetSink,
    PostgresSink,
    RedisSink,
    WebhookSink,
)
from livewidget.sinks.resolve import SCHEMES, sink_for

PAGE = Path(__file__).parents[3] / "docs" / "sinks.md"
PLACES = {"self", "url", "path", "function"}


def section(title):
    text = PAGE.read_text(encoding="utf-8")
    return re.split(r"^## ", text.split(f"## {title}\n")[1], maxsplit=1, flags=re.MULTILINE)[0]


@pytest.mark.parametrize(
    ("title", "kind"),
    [
        ("PostgreSQL", PostgresSink),
        ("Redis", RedisSink),
        ("Elasticsearch and OpenSearch", ElasticSink),
        ("Parquet", ParquetSink),
        ("CSV, NDJSON, MessagePack", FileSink),
        ("Kafka", KafkaSink),
        ("Webhook", WebhookSink),
        ("A function", FunctionSink),
        ("While a target is down", Delivery),
    ],
)
def test_each_table_has_the_options_of_its_sink(title, kind):
    rows = re.findall(r"^\| (`.*?) \|", section(title), flags=re.MULTILINE)
    named = [name for row in rows for name in re.findall(r"`(\w+)`", row)]
    assert sorted(named) == sorted(inspect.signature(kind).parameters.keys() - PLACES)


def test_each_scheme_is_named():
    text = PAGE.read_text(encoding="utf-8")
    missing = [it for it in SCHEMES if f"{it}://" not in text and it not in ("mqtts", "postgres")]
    assert missing == []


def test_what_the_example_sends_to_can_be_made():
    text = PAGE.read_text(encoding="utf-8")
    calls = re.findall(r"send_to\((.*)\)", text.split("```")[1])

    def made(to, **options):
        Delivery.taken_from(options)
        return sink_for(to, **options).name

    names = [eval(f"made({call})", {"made": made}) for call in calls]
    assert names == [
        "postgresql://me@host/market, table ticks",
        "ticks-*.parquet in .",
        "kafka://host:9092/ticks",
        "print",
    ]
