import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livewidget.data.errors import SchemaError, SettingError
from livewidget.pipeline.joins.within import WindowJoin

from .sides import LEFT, LEFTS, RIGHT, RIGHTS, at_once, bind, by_time, in_pieces, rows_of

QUARTER = 250_000_000


def brute(left, right, span, most=10**9, rows=10**9, *, keyed=True):
    """Every row of either side, in order, looks back at the newest of the other side."""
    merged = sorted(
        [(row, "left") for row in left] + [(row, "right") for row in right],
        key=lambda each: each[0][0],
    )
    seen, pairs = {"left": [], "right": []}, []
    for row, side in merged:
        others = seen["right" if side == "left" else "left"][-rows:]
        near = [it for it in others if row[0] - it[0] <= span and (not keyed or row[1] == it[1])]
        for it in near[-most:]:
            one, two = (row, it) if side == "left" else (it, row)
            pairs.append(
                (row[0] * QUARTER, *one[1:], *two[2 if keyed else 1 :], (two[0] - one[0]) / 4)
            )
        seen[side].append(row)
    return pairs


@settings(deadline=None, max_examples=25)
@given(st.data(), LEFTS, RIGHTS, st.integers(1, 12), st.booleans())
def test_every_pair_within_reach_is_there_once(data, left, right, span, keyed):
    left, right = by_time(left), by_time(right)
    joiner = WindowJoin(span / 4, "key" if keyed else None)
    ours = in_pieces(data.draw, joiner, (LEFT, RIGHT), left, right)
    assert rows_of(ours) == brute(left, right, span, keyed=keyed)
    assert joiner.counts["pairs left out"] == joiner.counts["rows forgotten"] == 0


@settings(deadline=None, max_examples=25)
@given(st.data(), LEFTS, RIGHTS, st.integers(1, 3), st.integers(1, 5))
def test_the_newest_are_paired_where_there_are_too_many(data, left, right, most, rows):
    left, right = by_time(left), by_time(right)
    joiner = WindowJoin(3, "key", most_matches=most, rows=rows)
    ours = in_pieces(data.draw, joiner, (LEFT, RIGHT), left, right)
    assert rows_of(ours) == brute(left, right, 12, most, rows)


def test_what_is_left_out_is_counted():
    joiner = WindowJoin("1s", most_matches=2)
    left = [(0, "x", float(n), n) for n in range(10)]
    pairs = at_once(joiner, (LEFT, RIGHT), left, [(1, "x", 1.0, 1, "u")])
    assert pairs["a"].tolist() == [8.0, 9.0]
    assert joiner.counts["pairs left out"] == 8


def test_memory_is_bounded_by_rows():
    joiner = WindowJoin("1h", rows=5)
    bound = bind(joiner, (LEFT, RIGHT))
    at_once(joiner, (LEFT, RIGHT), [(n, "x", 1.0, n) for n in range(40)])
    assert joiner.counts["rows forgotten"] == 35
    assert bound.schema.names[-1] == "lag_s"


def test_bad_input():
    with pytest.raises(SettingError, match=r"within is a positive duration.*got 0"):
        WindowJoin(0)
    with pytest.raises(SettingError, match="most_matches is a whole number"):
        WindowJoin(1, most_matches=0)
    with pytest.raises(SchemaError, match="a windowed join goes by 'b', which 'left' has not"):
        bind(WindowJoin(1, "b"), (LEFT, RIGHT))
    with pytest.raises(SchemaError, match="adds a column 'a', which is there already"):
        bind(WindowJoin(1, lag="a"), (LEFT, RIGHT))
