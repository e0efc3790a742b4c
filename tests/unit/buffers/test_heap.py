"""The heap is trimmed once enough was worked on, and not where the C library cannot."""

from livewidget.buffers.heap import EVERY_BYTES, Heap, malloc_trim, shared_heap


def test_it_is_trimmed_once_enough_was_worked_on():
    calls = []
    heap = Heap(calls.append)
    for _ in range(10):
        heap.used(EVERY_BYTES // 2)
    assert calls == [0] * 5


def test_what_there_is_can_be_called():
    trim = malloc_trim()
    assert trim is None or trim(0) in (0, 1)
    Heap(None).used(EVERY_BYTES)
    assert shared_heap() is shared_heap()
