import itertools
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livewidget.testing import lines, sse_events, websocket_messages
from livewidget.testing.splitting import Scrambler

ANSWER = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n"


def frame(payload, opcode=1, *, final=True, masked=False):
    """Encode by the words of RFC 6455, 5.2."""
    head = bytes([(0x80 if final else 0) | opcode])
    size, mask = len(payload), 0x80 if masked else 0
    if size < 126:
        head += bytes([mask | size])
    elif size < 65_536:
        head += bytes([mask | 126]) + size.to_bytes(2, "big")
    else:
        head += bytes([mask | 127]) + size.to_bytes(8, "big")
    return head + (b"\1\2\3\4" if masked else b"") + payload


def in_pieces(split, data, cuts):
    """Split what comes in pieces; return the messages and the rest."""
    messages, rest, places = [], b"", sorted({0, *cuts, len(data)})
    for low, high in itertools.pairwise(places):
        new, rest = split(rest + data[low:high])
        messages += new
    return messages, rest


MESSAGES = st.lists(
    st.builds(
        frame,
        st.binary(max_size=300) | st.sampled_from([b"H" * 126, b"\r\n\r\n" * 20_000]),
        st.sampled_from([1, 2, 8, 9, 10]),
        masked=st.booleans(),
    ),
    max_size=8,
)
CUTS = st.lists(st.integers(0, 2_000), max_size=8)


@given(MESSAGES, CUTS, st.booleans())
def test_frames_in_any_pieces_are_whole_messages(frames, cuts, answered):
    sent = [ANSWER] * answered + frames
    data = b"".join(sent)
    cuts = [cut for cut in cuts if cut < len(data)]
    assert in_pieces(websocket_messages, data + b"\x81", cuts) == (sent, b"\x81")


def test_fragments_stay_together_with_a_ping_between_them():
    parts = [frame(b"a", final=False), frame(b"", 9), frame(b"b", 0, final=False), frame(b"c", 0)]
    data = b"".join(parts) + frame(b"", 9)
    assert websocket_messages(data) == ([b"".join(parts), frame(b"", 9)], b"")


@given(st.lists(st.binary(max_size=9).map(lambda each: each.replace(b"\n", b"")), max_size=9), CUTS)
def test_lines_in_any_pieces(texts, cuts):
    sent = [text + b"\n" for text in texts]
    data = b"".join(sent)
    cuts = [cut for cut in cuts if cut < len(data)]
    assert in_pieces(lines, data + b"rest", cuts) == (sent, b"rest")


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_events_end_with_a_blank_line(end):
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
    events = [b"id: 1" + end + b"data: a" + end * 2, b": comment" + end * 2]
    assert sse_events(head + b"".join(events) + b"data") == ([head, *events], b"data")


@given(st.integers(0, 5), st.integers(0, 7), st.lists(st.integers(1, 6), max_size=20))
def test_what_is_scrambled_is_all_there(every, within, sizes):
    scrambler = Scrambler(lines, random.Random(1))
    sent, out = [], b""
    for size in sizes:
        new = [b"%d\n" % n for n in range(len(sent), len(sent) + size)]
        sent += new
        out += scrambler.feed(b"".join(new), every, within)
    out += scrambler.end()
    heard = [int(line) for line in out.splitlines()]
    expected = [n for n in range(len(sent)) for _ in range(2 if _twice(n, every) else 1)]
    assert sorted(heard) == expected
    assert scrambler.duplicated == len(heard) - len(sent)
    if within < 2:
        assert heard == expected
        assert not scrambler.reordered


def _twice(n, every):
    return n > 0 and every > 0 and (n + 1) % every == 0
