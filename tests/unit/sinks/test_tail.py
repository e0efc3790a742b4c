import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livewidget.data.errors import SettingError
from livewidget.sinks.tail import Tail


def kept_by(messages, limit):
    """The slow twin: the longest end of the list within the limit, the newest in any case."""
    end = messages[-1:]
    while len(end) < len(messages) and sum(map(len, end)) + len(messages[-len(end) - 1]) <= limit:
        end = messages[-len(end) - 1 :]
    return end


@given(
    st.lists(st.lists(st.binary(min_size=1, max_size=9), max_size=6), max_size=12),
    st.integers(1, 40),
)
def test_the_newest_within_the_limit_are_kept(adds, limit):
    tail, messages = Tail(limit), []
    for several in adds:
        tail.add(several)
        messages += several
        assert messages[tail.first :] == kept_by(messages, limit)
        assert tail.next == len(messages)


@given(st.lists(st.integers(0, 30), max_size=30), st.integers(1, 5))
def test_a_reader_gets_each_message_or_is_told_that_it_is_gone(plan, most):
    tail, position, seen, gone = Tail(20), 0, [], 0
    for number in plan:
        if number > 10:
            tail.add([b"%02d" % tail.next])
            continue
        messages, missed = tail.read(position, most)
        assert len(messages) <= most
        gone += missed
        seen += [int(each) for each in messages]
        position += missed + len(messages)
    assert len(seen) + gone == position <= tail.next
    assert seen == sorted(seen)


async def test_a_reader_waits_for_the_next_and_for_the_end():
    tail = Tail()
    waiting = asyncio.create_task(tail.wait(0))
    await asyncio.sleep(0)
    assert not waiting.done()
    tail.add([b"x"])
    assert await waiting
    waiting = asyncio.create_task(tail.wait(1))
    await asyncio.sleep(0)
    tail.end()
    assert not await waiting
    assert await tail.wait(0), "what is there before the end is still to be read"


def test_a_limit_that_cannot_be_is_named():
    with pytest.raises(SettingError, match="buffer_bytes is a number of bytes above 0, got 0"):
        Tail(0)
