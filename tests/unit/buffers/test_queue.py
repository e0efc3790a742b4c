import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from livewidget import Batch, Schema
from livewidget.buffers.queue import BatchQueue, Item, Priority, Queue
from livewidget.data.errors import SettingError

SCHEMA = Schema.of({"time": "time", "n": "float", "kind": "text"}, "time")


def rows(numbers, kind="a"):
    numbers = list(numbers)
    kinds = [kind] * len(numbers)
    return Batch.of({"time": [1e9 + n for n in numbers], "n": numbers, "kind": kinds}, SCHEMA)


def put(queue, numbers, priority=Priority.MEDIUM, arrival=0, marks=(), ticket=0, kind="a"):
    queue.put(Item(rows(numbers, kind), arrival, list(marks), ticket), priority)


def numbers(batch):
    return batch["n"].astype(int).tolist()


def taken(queue, now=10**12):
    items = []
    while (item := queue.take(now)) is not None:
        items.append(item)
    return items


def all_numbers(queue):
    return [n for item in taken(queue) for n in numbers(item.batch)]


def test_first_in_first_out_in_batches_of_at_most_batch_rows():
    queue = BatchQueue(Queue(batch_rows=4))
    put(queue, range(3))
    put(queue, range(3, 13))
    sizes = [len(item.batch) for item in taken(queue)]
    assert sizes == [3, 4, 4, 2]
    put(queue, range(10))
    assert numbers(queue.take(0).batch) == [0, 1, 2, 3]


def test_block_drops_nothing_and_says_when_it_is_full_and_when_half_empty():
    queue = BatchQueue(Queue(rows=10, batch_rows=3))
    put(queue, range(9))
    assert not queue.full
    put(queue, range(9, 12))
    assert queue.full
    assert queue.dropped == 0
    queue.take(0)
    queue.take(0)
    assert queue.full
    queue.take(0)  # three are left, of ten
    assert not queue.full


@pytest.mark.parametrize(
    ("policy", "kept"),
    [
        ("drop_oldest", list(range(2, 12))),
        ("drop_newest", list(range(10))),
        ("sample", [0, 2, 4, 6, 8, 10]),
    ],
)
def test_what_a_policy_keeps(policy, kept):
    queue = BatchQueue(Queue(rows=10, overflow=policy))
    for start in range(0, 12, 3):
        put(queue, range(start, start + 3))
    assert queue.dropped == 12 - len(kept)
    assert all_numbers(queue) == kept
    assert not queue.full


def test_who_heeds_no_pressure_loses_what_he_sends():
    queue = BatchQueue(Queue(rows=4, most_rows=10, batch_rows=100))
    for start in range(0, 100, 5):
        put(queue, range(start, start + 5))
    assert queue.full
    assert (queue.rows, queue.dropped) == (10, 90)
    assert all_numbers(queue) == list(range(10))


def test_resize_doubles_to_its_bound_and_then_blocks():
    queue = BatchQueue(Queue(rows=4, most_rows=8, overflow="resize"))
    put(queue, range(5))
    assert (queue.capacity, queue.full) == (8, False)
    put(queue, range(5))
    assert (queue.capacity, queue.full) == (8, True)
    assert queue.dropped == 0


def test_the_least_urgent_give_way():
    queue = BatchQueue(Queue(rows=4, overflow="drop_oldest"))
    put(queue, [1, 2], Priority.HIGH)
    put(queue, [3, 4], Priority.LOW)
    put(queue, [5], Priority.MEDIUM)
    assert all_numbers(queue) == [1, 2, 5, 4]
    put(queue, [1, 2, 3, 4], Priority.HIGH)
    put(queue, [5], Priority.LOW)
    assert queue.dropped == 2
    assert all_numbers(queue) == [1, 2, 3, 4]


def test_no_lane_starves():
    queue = BatchQueue(Queue(batch_rows=10))
    for priority in Priority:
        put(queue, range(1_000), priority, kind=priority.name)
    served = [queue.take(0).batch["kind"].categories[0] for _ in range(130)]
    shares = {name: served.count(name) for name in ("HIGH", "MEDIUM", "LOW")}
    assert shares == pytest.approx({"HIGH": 90, "MEDIUM": 30, "LOW": 10}, abs=2)


def test_a_lane_that_was_empty_has_no_claim_to_the_past():
    queue = BatchQueue(Queue(batch_rows=1))
    put(queue, range(100), Priority.LOW)
    for _ in range(50):
        queue.take(0)
    put(queue, range(100), Priority.MEDIUM, kind="m")
    served = [queue.take(0).batch["kind"].categories[0] for _ in range(16)]
    assert served.count("a") == pytest.approx(4, abs=1)


def test_waiting_for_a_batch_ends_by_size_and_by_time():
    queue = BatchQueue(Queue(batch_rows=5, underflow="wait", linger_s=0.5))
    assert queue.due_in(0) is None
    put(queue, range(3), arrival=1_000_000_000)
    assert queue.take(1_000_000_000) is None
    assert queue.due_in(1_100_000_000) == pytest.approx(0.4)
    put(queue, range(3, 5), arrival=1_200_000_000)
    assert queue.due_in(1_200_000_000) == 0.0
    assert numbers(queue.take(1_200_000_000).batch) == [0, 1, 2, 3, 4]
    put(queue, [7], arrival=2_000_000_000)
    assert queue.take(2_499_999_999) is None
    assert numbers(queue.take(2_500_000_000).batch) == [7]


def test_marks_and_tickets_stay_with_their_rows():
    lost = []
    queue = BatchQueue(
        Queue(rows=4, overflow="drop_oldest"), lambda ticket, n: lost.append((ticket, n))
    )
    put(queue, [1, 2], ticket=1, marks=["gap"])
    put(queue, [3, 4], ticket=1)
    put(queue, [5, 6, 7], ticket=2)
    assert lost == [(1, 2), (1, 1)]
    items = taken(queue)
    assert [(numbers(i.batch), i.marks, i.ticket) for i in items] == [
        ([4], ["gap"], 1),
        ([5, 6, 7], [], 2),
    ]


def test_small_items_become_few():
    queue = BatchQueue(Queue())
    for n in range(10_000):
        put(queue, [n])
    assert len(queue._lanes[Priority.MEDIUM]) < 300
    assert all_numbers(queue) == list(range(10_000))


POLICIES = ["block", "drop_oldest", "drop_newest", "sample", "resize"]


@example("resize", 5, 1, [(6, Priority.HIGH), (4, Priority.HIGH), (1, Priority.HIGH)])
@given(
    st.sampled_from(POLICIES),
    st.integers(1, 30),
    st.integers(1, 10),
    st.lists(
        st.one_of(st.tuples(st.integers(0, 12), st.sampled_from(list(Priority))), st.just("take")),
        max_size=60,
    ),
)
def test_every_row_is_taken_dropped_or_waiting_and_each_lane_keeps_its_order(
    policy, capacity, batch_rows, steps
):
    lost = []
    queue = BatchQueue(
        Queue(rows=capacity, batch_rows=batch_rows, overflow=policy, most_rows=2 * capacity),
        lambda _, n: lost.append(n),
    )
    came, out = 0, []
    for step in steps:
        if step == "take":
            item = queue.take(0)
            if item is not None:
                assert 0 < len(item.batch) <= batch_rows
                out.append(item.batch)
            continue
        size, priority = step
        if queue.full:
            continue  # a source that heeds the pressure
        if size:
            put(queue, range(came, came + size), priority, kind=priority.name)
        came += size
        gone = sum(map(len, out))
        assert came == gone + queue.rows + queue.dropped
        if policy in POLICIES[1:4]:
            assert queue.rows <= capacity
        else:
            assert queue.dropped == 0
    out += [item.batch for item in taken(queue)]
    assert came == sum(map(len, out)) + queue.dropped
    assert sum(lost) == queue.dropped
    assert queue.rows == 0
    for priority in Priority:
        lane = [n for b in out if b["kind"].categories[0] == priority.name for n in numbers(b)]
        assert lane == sorted(lane)
        assert len(set(lane)) == len(lane)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"rows": 0}, "rows is a whole number from 1 up, got 0"),
        ({"rows": True}, "rows is a whole number from 1 up, got True"),
        ({"overflow": "explode"}, "overflow is one of block, drop_oldest"),
        ({"underflow": "drain"}, "underflow is one of flush, wait"),
        ({"linger_s": -1}, "linger_s is seconds, 0 or more; got -1"),
    ],
)
def test_bad_settings(settings, words):
    with pytest.raises(SettingError, match=words):
        Queue(**settings)
