from datetime import UTC, datetime

import numpy as np
import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, timestamp_pb2
from hypothesis import given
from hypothesis import strategies as st

from livewidget.codecs.protobuf import ProtobufDecoder
from livewidget.data.batch import sift
from livewidget.data.errors import SettingError
from livewidget.data.schema import Schema

F = descriptor_pb2.FieldDescriptorProto


def made(syntax="proto3"):
    """Return a message class made from a descriptor, as protoc would generate it."""
    file = descriptor_pb2.FileDescriptorProto(
        name=f"test_{syntax}.proto",
        package=syntax,
        syntax=syntax,
        dependency=["google/protobuf/timestamp.proto"],
    )
    side = file.enum_type.add(name="Side")
    side.value.add(name="BUY", number=0)
    side.value.add(name="SELL", number=1)
    quote = file.message_type.add(name="Quote")
    quote.field.add(name="price", number=1, type=F.TYPE_DOUBLE, label=F.LABEL_OPTIONAL)
    quote.field.add(name="size", number=2, type=F.TYPE_INT64, label=F.LABEL_OPTIONAL)
    event = file.message_type.add(name="Event")
    for number, (name, kind) in enumerate(
        {
            "bid": F.TYPE_DOUBLE,
            "count": F.TYPE_UINT64,
            "ok": F.TYPE_BOOL,
            "symbol": F.TYPE_STRING,
            "raw": F.TYPE_BYTES,
        }.items(),
        start=1,
    ):
        event.field.add(name=name, number=number, type=kind, label=F.LABEL_OPTIONAL)
    optional, enum, message = F.LABEL_OPTIONAL, F.TYPE_ENUM, F.TYPE_MESSAGE
    event.field.add(name="side", number=6, type=enum, label=optional, type_name=f".{syntax}.Side")
    event.field.add(
        name="quote", number=7, type=message, label=optional, type_name=f".{syntax}.Quote"
    )
    time = ".google.protobuf.Timestamp"
    event.field.add(name="time", number=8, type=message, label=optional, type_name=time)
    event.field.add(name="many", number=9, type=F.TYPE_INT32, label=F.LABEL_REPEATED)
    if syntax == "proto3":
        event.oneof_decl.add(name="_ask")
        event.field.add(
            name="ask",
            number=10,
            type=F.TYPE_DOUBLE,
            label=optional,
            proto3_optional=True,
            oneof_index=0,
        )
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(timestamp_pb2.DESCRIPTOR.serialized_pb)
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{syntax}.Event"))


Event = made()
Old = made("proto2")
events = st.builds(
    lambda quote, **values: Event(
        quote=None if quote is None else {"price": quote},
        **{name: value for name, value in values.items() if value is not None},
    ),
    bid=st.floats(allow_nan=False),
    count=st.integers(0, 2**64 - 1),
    ok=st.booleans(),
    symbol=st.text(max_size=3),
    side=st.integers(0, 5),
    ask=st.none() | st.floats(allow_nan=False),
    quote=st.none() | st.floats(allow_nan=False),
    many=st.lists(st.integers(0, 3), max_size=2),
)


@given(batch=st.lists(events, max_size=5))
def test_columns_are_what_the_messages_hold(batch):
    fields = {name: name for name in ("bid", "count", "ok", "symbol", "side", "ask")}
    fields["price"] = "quote.price"
    fields["size"] = "quote.size"
    decoded = ProtobufDecoder(Event, fields=fields).decode([e.SerializeToString() for e in batch])
    assert (decoded.rows, decoded.rejected) == (len(batch), [])
    if not batch:
        return
    names = {0: "BUY", 1: "SELL"}
    expected = {
        "bid": [e.bid for e in batch],
        "count": [e.count for e in batch],
        "ok": [e.ok for e in batch],
        "symbol": [e.symbol for e in batch],
        "side": [names.get(e.side, str(e.side)) for e in batch],
        "ask": [e.ask if e.HasField("ask") else np.nan for e in batch],
        "price": [e.quote.price if e.HasField("quote") else np.nan for e in batch],
        "size": [0 if e.HasField("quote") else np.nan for e in batch],
    }
    for name, values in expected.items():
        np.testing.assert_array_equal(decoded.columns[name], values, strict=False)


def test_all_plain_fields_are_kept_and_times_are_times():
    now = datetime(2026, 1, 2, 3, 4, 5, 678_000, tzinfo=UTC)
    batch = [Event(bid=1.5, time=now, raw=b"x", many=[1]), Event(bid=2.5)]
    far = Event(bid=3.5)
    far.time.seconds, far.time.nanos = 2**62, -5
    decoded = ProtobufDecoder(Event).decode([e.SerializeToString() for e in (*batch, far)])
    plain = {"bid", "count", "ok", "symbol", "side", "time", "ask"}
    assert set(decoded.columns) == plain
    table, bad = sift(decoded.columns, Schema.of({"time": "time", "bid": "float"}, "time"))
    assert table.times.tolist() == [int(now.timestamp() * 1000) * 1_000_000]
    assert len(bad) == 2


def test_what_is_no_such_message_is_rejected_with_its_reason():
    other = b"\xa2\x06\x01x"  # field 100 of some other class
    cut = Event(symbol="abcdef").SerializeToString()[:-2]
    batch = [
        Event(bid=1).SerializeToString(),
        other,
        cut,
        b"\xff" * 9,
        b"",
        b"\x3a" * 400,
        b"x" * 501,
    ]
    decoded = ProtobufDecoder(Event, max_bytes=500).decode(batch)
    assert decoded.columns["bid"].tolist() == [1, 0]
    assert [bad.payload for bad in decoded.rejected] == [*batch[1:4], batch[5], batch[6][:500]]
    assert decoded.rejected[0].reason == "not proto3.Event: none of its fields is set"
    assert all(bad.reason.startswith("not proto3.Event: ") for bad in decoded.rejected[:-1])


def test_a_heartbeat_has_none_of_what_is_needed():
    decoder = ProtobufDecoder(Event, fields=["time", "ask"], needs=["ask"])
    batch = [Event(ask=0.0), Event(time=datetime.now(tz=UTC)), Event(ask=2.0)]
    decoded = decoder.decode([e.SerializeToString() for e in batch])
    assert decoded.columns["ask"].tolist() == [0, 2]
    assert decoded.rejected[0].reason == "it has none of the fields 'ask'"
    assert decoded.rejected[0].payload == batch[1].SerializeToString()


def test_proto2_text_that_is_no_utf8_costs_its_message_and_no_other():
    batch = [Old(symbol="ok").SerializeToString(), b"\x22\x01\xff", Old(bid=2).SerializeToString()]
    decoded = ProtobufDecoder(Old, fields=["symbol", "bid"]).decode(batch)
    assert decoded.columns["symbol"] == ["ok", None]
    assert [bad.payload for bad in decoded.rejected] == [batch[1]]


def test_nesting_without_end_is_rejected():
    value = b""
    for _ in range(300):  # field 3 of a DescriptorProto is such messages
        length = len(value)
        size = [length] if length < 128 else [length & 127 | 128, length >> 7]
        value = b"\x1a" + bytes(size) + value
    deep = b"\x13" * 100_000  # groups that open and never end
    decoder = ProtobufDecoder(descriptor_pb2.DescriptorProto)
    decoded = decoder.decode([value, deep])
    assert [bad.payload for bad in decoded.rejected] == [value, deep]
    assert all("Error parsing message" in bad.reason for bad in decoded.rejected)


@pytest.mark.parametrize(
    "options",
    [
        *({"fields": [each]} for each in ("nothing", "many", "quote", "bid.x", "raw")),
        {"fields": [".".join("a" * 40)]},
        {"needs": ["nothing"]},
    ],
)
def test_fields_that_the_class_has_not_are_refused_at_the_door(options):
    with pytest.raises(SettingError):
        ProtobufDecoder(Event, **options)
