from hypothesis import given
from hypothesis import strategies as st

from livewidget.sources.lines import SHOWN, LineSplitter

contents = st.lists(st.sampled_from([b"a", b"bc", b"\n", b"\r", b"\r\n", b"\xff", b"x" * 9])).map(
    b"".join
)


def slow_twin(content, most):
    """What the splitter should make of `content`, once nothing more comes."""
    lines, long = [], []
    for line in content.split(b"\n"):
        whole = line.removesuffix(b"\r")
        (lines if len(whole) <= most else long).append(whole)
    return lines, [line[:SHOWN] for line in long]


@given(contents, st.lists(st.integers(0, 30)), st.integers(1, 12))
def test_pieces_of_any_size_give_the_same_lines(content, sizes, most):
    splitter = LineSplitter(most)
    lines, long, at = [], [], 0
    for size in [*sizes, len(content)]:
        fed = splitter.feed(content[at : at + size])
        lines += fed[0]
        long += [each.payload for each in fed[1]]
        at = min(len(content), at + size)
        assert splitter.held == at - (content[:at].rfind(b"\n") + 1)
    last = splitter.finish()
    lines += last[0]
    long += [each.payload for each in last[1]]
    expected = slow_twin(content, most)
    assert (lines, [each.removesuffix(b"\r") for each in long]) == expected
    assert splitter.held == 0


def test_a_line_without_end_is_passed_over_in_bounded_memory():
    splitter = LineSplitter(10_000)
    for _ in range(1_000):
        assert splitter.feed(b"x" * 9_999) == ([], [])
        assert len(splitter._begun) <= 10_001
    lines, rejected = splitter.feed(b"x\ngood\n")
    assert lines == [b"good"]
    (letter,) = rejected
    assert (letter.payload, letter.reason) == (b"x" * SHOWN, "a line of more than 10000 bytes")
