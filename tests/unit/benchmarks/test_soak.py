"""The verdict of a soak: what it calls growing, and what it finds missing."""

from __future__ import annotations

import math
import random

import pytest
from benchmarks.soak.plain import CELLS, CHART, EMPTY, ROUNDS
from benchmarks.soak.report import Run, judge
from benchmarks.soak.verdict import (
    HOUR_S,
    accounts,
    cycle_ends,
    each_round,
    inexact,
    left_threads,
    lives,
    slope,
    student,
    totals,
)

EXACT = {"received": 10, "stored": 4, "filtered": 3, "rejected": 1, "dropped": 1, "in_flight": 1}


def _line(an_hour: float, level: float = 100.0, noise: float = 0.0, start: float = 0.0):
    rng = random.Random(1)
    times = [start + 75.0 * place for place in range(20)]
    return [(at, level + an_hour * (at - start) / HOUR_S + noise * rng.gauss(0, 1)) for at in times]


def test_a_line_has_its_own_slope() -> None:
    found = slope([_line(12.0)])
    assert found is not None
    assert (found.low, found.value, found.high) == pytest.approx((12.0, 12.0, 12.0))


@pytest.mark.parametrize(
    ("an_hour", "noise", "verdict"),
    [(0.0, 0.1, "flat"), (-50.0, 0.1, "flat"), (60.0, 1.0, "grows"), (0.0, 30.0, "unclear")],
)
def test_the_verdict_says_what_the_points_bear(an_hour, noise, verdict) -> None:
    found = slope([_line(an_hour, noise=noise)])
    assert found is not None
    assert found.verdict(10.0) == verdict


def test_pages_with_levels_of_their_own_share_a_slope() -> None:
    found = slope([_line(5.0, level=30.0), _line(5.0, level=90.0, start=4000.0), [(9e3, 1.0)]])
    assert found is not None
    assert found.value == pytest.approx(5.0)


@pytest.mark.parametrize("groups", [[], [[]], [[(0.0, 1.0), (1.0, 2.0)]], [[(1.0, 1.0)] * 5]])
def test_too_few_points_have_no_slope(groups) -> None:
    assert slope(groups) is None


@pytest.mark.parametrize(
    ("free", "table"), [(1, 12.706), (3, 3.182), (5, 2.571), (10, 2.228), (30, 2.042)]
)
def test_students_t_is_that_of_the_tables(free, table) -> None:
    assert student(free) == pytest.approx(table, rel=0.01)


def test_a_cycle_is_told_by_its_end() -> None:
    points = [(float(at), float(at)) for at in range(300)]
    assert cycle_ends(points, [0.0, 100.0, 190.0], 100.0, 20.0) == [(100.0, 89.5), (190.0, 179.5)]


def test_a_page_begins_anew_and_its_infancy_is_left_out() -> None:
    points = [(float(at), 1.0) for at in range(0, 100, 10)]
    found = lives(points, [0.0, 50.0], 20.0)
    assert [[at for at, _ in life] for life in found] == [[20, 30, 40], [70, 80, 90]]
    assert lives(points, [0.0], math.inf) == [[]]


def test_an_account_that_does_not_come_out_is_found() -> None:
    assert inexact(EXACT) == 0
    assert inexact(EXACT | {"stored": 2}) == 2
    samples = [_sample(EXACT), _sample(EXACT | {"stored": 5}), {"charts": {"push": None}}]
    looked, wrong = accounts(samples)
    assert (looked, wrong) == (2, ["push: -1 of 10 events unaccounted for"])


def test_a_count_that_goes_back_is_found_and_a_new_chart_is_not() -> None:
    less = EXACT | {"received": 9, "stored": 3}
    assert accounts([_sample(EXACT), _sample(less)])[1] == ["push: received went down to 9"]
    assert accounts([_sample(EXACT), _sample(less, number=2)])[1] == []


def test_totals_are_those_of_all_charts_of_a_name() -> None:
    found = totals([_sample(EXACT), _sample(EXACT), _sample(EXACT, number=2)])
    assert found["push"]["charts"] == 2
    assert found["push"]["received"] == 20
    assert found["push"]["gaps"] == 2


def test_only_threads_of_charts_count_as_left() -> None:
    after = ["MainThread", "asyncio_0", "subshell-1", "livewidget-engine", "pipeline-0"]
    assert left_threads(["MainThread"], after) == ["pipeline-0"]


def _sample(account, number=1):
    return {"charts": {"push": {"number": number, "account": account, "gaps": 1}}}


def _rounds(heap=1e5, nodes=100, listeners=10):
    """Looks after each round that leaves so much."""
    kept = {"heap": heap, "nodes": nodes, "listeners": listeners}
    return [{what: 1e6 + turn * each for what, each in kept.items()} for turn in range(ROUNDS)]


def _run(**changed):
    """An hour of a soak in which nothing happened."""
    resources = {"threads": 12, "sockets": 15, "files": 80, "tasks": 9, "cpu": 20.0}
    kernel = [_sample(EXACT) | resources | {"at": at, "kernel": 200e6} for at in range(0, 3600, 5)]
    page = [{"at": at, "heap": 30e6} for at in range(0, 3600, 30)]
    closed = {"threads": 10, "sockets": 14, "files": 70, "tasks": 0}
    plain = {
        "seconds": 3600.0,
        "kernel": kernel,
        "page": page,
        "plain": {name: _rounds(0 if name == EMPTY else 1e5) for name in CELLS},
        "cycles": [float(at) for at in range(0, 3600, 75)],
        "acts": [(1800.0, "refresh")],
        "recoveries": [],
        "faults": [],
        "left": {"baseline": closed | {"names": []}, "after": closed, "threads": []},
        "feed": {"sent": 0, "garbage": 0},
    }
    return Run(**(plain | changed))


def test_an_even_run_is_good_in_every_line() -> None:
    assert {each.what: each.good for each in judge(_run())} == {
        "kernel memory": True,
        "page heap": True,
        "page, heap a round": True,
        "page, DOM nodes a round": True,
        "page, listeners a round": True,
        "accounts": True,
        "threads": True,
        "sockets": True,
        "files": True,
        "tasks": True,
        "left when all charts are closed": True,
        "acts": True,
    }


def test_what_jupyterlab_keeps_of_the_same_acts_is_no_leak_of_ours() -> None:
    page = [{"at": at, "heap": 3e7 + 4e3 * at} for at in range(0, 3600, 30)]  # 14.4 MB an hour
    kept = {**_run().plain, EMPTY: _rounds(heap=3e5)}  # 48 rounds an hour are as much
    judged = {each.what: each for each in judge(_run(page=page, plain=kept))}
    assert judged["page heap"].good
    assert judged["page heap"].found.startswith("+14.4 in all, +14.4 JupyterLab's own; the rest ")


def test_a_round_leaves_its_slope() -> None:
    found = each_round(_rounds(nodes=7), "nodes")
    assert found is not None
    assert found.value == pytest.approx(7)
    assert each_round([], "nodes") is None


def _with(name, value):
    return [each | {name: value(each["at"])} for each in _run().kernel]


@pytest.mark.parametrize(
    ("what", "changed"),
    [
        ("kernel memory", {"kernel": _with("kernel", lambda at: 200e6 + 10_000 * at)}),
        ("page heap", {"page": [{"at": at, "heap": 3e7 + 5e3 * at} for at in range(0, 3600, 30)]}),
        ("page, DOM nodes a round", {"plain": {**_run().plain, CHART: _rounds(nodes=120)}}),
        ("threads", {"kernel": _with("threads", lambda at: 12 + at // 900)}),
        ("sockets", {"kernel": _with("sockets", lambda at: 15 + at // 600)}),
        ("acts", {"faults": ["after a refresh: not every chart drew"]}),
    ],
)
def test_what_grows_or_fails_is_bad_in_its_line(what, changed) -> None:
    assert [each.what for each in judge(_run(**changed)) if each.good is False] == [what]


def test_a_run_of_minutes_does_not_pretend_to_know() -> None:
    judged = {each.what: each.good for each in judge(_run(cycles=[0.0, 75.0]))}
    assert judged["kernel memory"] is None
    assert judged["threads"] is None
