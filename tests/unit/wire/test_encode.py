"""Frames to bytes and back through a reader written from the layout alone."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livewidget.data.frame import Frame, SeriesDiff
from livewidget.wire.encode import LIMIT, encode_frame, encode_packets

from ...golden.browser import read_packet

U32 = st.integers(0, 2**32 - 1)


@st.composite
def diffs(draw, place):
    patches = tuple(draw(st.lists(st.tuples(U32, U32, st.integers(0, 3)), max_size=3)))
    append = draw(st.integers(0, 20))
    size = append + sum(insert for _, _, insert in patches)
    x, y = (np.array(draw(st.lists(st.floats(), min_size=size, max_size=size))) for _ in "xy")
    return SeriesDiff(place, draw(U32), draw(U32), patches, append, x, y)


@st.composite
def frames(draw):
    snapshot = draw(st.booleans())
    meta = {"series": [{"name": draw(st.text())}], "notes": [draw(st.text())], "bucket_ns": 5}
    return Frame(
        chart=draw(U32),
        generation=draw(U32),
        sequence=draw(U32),
        base=draw(U32),
        snapshot=snapshot,
        follow=draw(st.booleans()),
        viewport=draw(U32),
        origin=draw(st.integers(-(2**63), 2**63 - 1)),
        start=draw(st.floats()),
        stop=draw(st.floats()),
        arrival=draw(st.floats()),
        series=tuple(draw(diffs(place)) for place in range(draw(st.integers(0, 4)))),
        meta=meta if snapshot else {},
    )


def same(left, right):
    return np.array(left, dtype=float).tobytes() == np.array(right, dtype=float).tobytes()


@settings(max_examples=100, deadline=None)
@given(frames(), st.sampled_from([200, 500, LIMIT]))
def test_what_is_written_is_read(frame, limit):
    packets = [packet for _, packet in encode_packets(7, encode_frame(frame, limit), limit)]
    parts = [part for packet in packets for part in read_packet(packet)[1]]
    assert [part.part for part in parts] == list(range(len(parts)))
    assert {part.parts for part in parts} == {len(parts)}
    for part in parts:
        for name in ("chart", "generation", "sequence", "base", "snapshot", "follow", "viewport"):
            assert getattr(part, name) == getattr(frame, name)
        assert part.origin == frame.origin
        assert same([part.start, part.stop, part.arrival], [frame.start, frame.stop, frame.arrival])
    assert [part.meta for part in parts] == [frame.meta or None] + [None] * (len(parts) - 1)
    sections = [section for part in parts for section in part.sections]
    for section, diff in zip(sections, frame.series, strict=True):
        for name in ("series", "trim", "cut", "append"):
            assert getattr(section, name) == getattr(diff, name)
        assert section.patches == list(diff.patches)
        assert same([x for x, _ in section.points], diff.x)
        assert same([y for _, y in section.points], diff.y)


def frame_of(sizes):
    series = [
        SeriesDiff(place, 0, 0, (), size, np.zeros(size), np.zeros(size))
        for place, size in enumerate(sizes)
    ]
    return Frame(1, 1, 1, 0, True, True, 0, 0, 0.0, 1.0, math.nan, tuple(series), {"series": []})


@settings(max_examples=80, deadline=None)
@given(st.lists(st.integers(0, 60), max_size=20), st.integers(1200, 3000))
def test_no_packet_exceeds_its_limit(sizes, limit):
    pieces = encode_frame(frame_of(sizes), limit)
    packets = list(encode_packets(3, pieces, limit))
    assert [tick for tick, _ in packets] == list(range(3, 3 + len(packets)))
    for tick, packet in packets:
        assert len(packet) <= limit
        assert read_packet(packet)[0] == tick


def test_a_series_that_alone_is_too_large_makes_a_part_of_its_own():
    pieces = encode_frame(frame_of([5, 500, 5]), 1000)
    assert [len(piece) > 1000 for piece in pieces] == [False, True, False]


def test_nothing_to_send_is_no_packet():
    assert list(encode_packets(1, [])) == []


def test_half_a_surrogate_becomes_a_question_mark():
    frame = frame_of([1])
    frame.meta["series"].append({"name": "\ud800x"})
    (packet,) = (packet for _, packet in encode_packets(1, encode_frame(frame)))
    assert read_packet(packet)[1][0].meta["series"] == [{"name": "?x"}]


def test_a_tick_wraps_at_32_bits():
    (packet,) = (packet for _, packet in encode_packets(2**32 + 5, encode_frame(frame_of([]))))
    assert read_packet(packet)[0] == 5


@pytest.mark.parametrize("size", [0, 1, 7, 8, 9])
def test_every_frame_is_a_multiple_of_eight(size):
    frame = frame_of([1])
    frame.meta["notes"] = ["x" * size]
    assert all(len(piece) % 8 == 0 for piece in encode_frame(frame))
