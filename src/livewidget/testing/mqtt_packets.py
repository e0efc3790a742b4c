"""MQTT 3.1.1 on the wire (OASIS standard, 2014), as far as a small server needs it. No I/O."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

CONTINUED = 0x80  # of a length's byte: another one follows
LENGTH_BYTES = 4


class Packet(IntEnum):
    """The kinds of control packet (table 2.1 of the standard)."""

    CONNECT = 1
    CONNACK = 2
    PUBLISH = 3
    PUBACK = 4
    PUBREC = 5
    PUBREL = 6
    PUBCOMP = 7
    SUBSCRIBE = 8
    SUBACK = 9
    UNSUBSCRIBE = 10
    UNSUBACK = 11
    PINGREQ = 12
    PINGRESP = 13
    DISCONNECT = 14


@dataclass(frozen=True, slots=True)
class Publication:
    """One message of a topic."""

    topic: str
    payload: bytes
    qos: int = 0
    retain: bool = False


@dataclass(frozen=True, slots=True)
class Connect:
    """What a client says of itself when it comes."""

    client_id: str
    clean: bool
    username: str | None
    password: bytes | None


class Reader:
    """Takes a packet's body apart, from the left."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._at = 0

    def __bool__(self) -> bool:
        return self._at < len(self._body)

    def take(self, count: int) -> bytes:
        """Return the next bytes. Raises ValueError where there are not as many."""
        part = self._body[self._at : self._at + count]
        if len(part) < count:
            raise ValueError("a packet ends too early")
        self._at += count
        return part

    def number(self) -> int:
        """Return the next two bytes as a number."""
        return int.from_bytes(self.take(2), "big")

    def field(self) -> bytes:
        """Return the next bytes with a length before them."""
        return self.take(self.number())

    def rest(self) -> bytes:
        """Return all that is left."""
        return self.take(len(self._body) - self._at)


def packet(kind: Packet, body: bytes = b"", flags: int = 0) -> bytes:
    """Return a whole packet: the kind and its flags, the length in base 128, the body."""
    size, length = len(body), bytearray()
    while True:
        size, low = divmod(size, 128)
        length.append(low | (CONTINUED if size else 0))
        if not size:
            return bytes([kind << 4 | flags, *length]) + body


def numbered(kind: Packet, number: int) -> bytes:
    """Return an answer to the packet of a number. A PUBREL has a flag that says nothing."""
    return packet(kind, number.to_bytes(2, "big"), 2 if kind is Packet.PUBREL else 0)


def publish(message: Publication, number: int = 0, *, again: bool = False) -> bytes:
    """Return a PUBLISH; `number` is its own from QoS 1 up, `again` that it may have come before."""
    topic = message.topic.encode()
    place = number.to_bytes(2, "big") if message.qos else b""
    body = len(topic).to_bytes(2, "big") + topic + place + message.payload
    return packet(Packet.PUBLISH, body, again << 3 | message.qos << 1 | message.retain)


def read_publish(flags: int, body: bytes) -> tuple[Publication, int]:
    """Return a message and its number. Raises ValueError where it is none."""
    reader = Reader(body)
    topic, qos = reader.field().decode(), flags >> 1 & 3
    number = reader.number() if qos else 0
    return Publication(topic, reader.rest(), qos, bool(flags & 1)), number


def read_connect(body: bytes) -> Connect:
    """Return who comes. Raises ValueError where it is no MQTT 3.1.1."""
    reader = Reader(body)
    if (reader.field(), reader.take(1)) != (b"MQTT", b"\4"):
        raise ValueError("not MQTT 3.1.1")
    flags = reader.take(1)[0]
    reader.number()  # keep alive, which this side does not watch
    client_id = reader.field().decode()
    if flags & 0x04:  # a will: its topic and its payload
        reader.field()
        reader.field()
    username = reader.field().decode() if flags & 0x80 else None
    password = reader.field() if flags & 0x40 else None
    return Connect(client_id, bool(flags & 0x02), username, password)


def matches(wanted: str, topic: str) -> bool:
    """Tell whether a topic filter takes a topic (section 4.7 of the standard)."""
    filters, levels = wanted.split("/"), topic.split("/")
    if topic.startswith("$") and filters[0] in ("#", "+"):
        return False
    for place, each in enumerate(filters):
        if each == "#":
            return True
        if place >= len(levels) or each not in ("+", levels[place]):
            return False
    return len(filters) == len(levels)
