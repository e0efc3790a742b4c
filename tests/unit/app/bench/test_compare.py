import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from livewidget.app.bench import compare as module
from livewidget.app.bench.compare import (
    ALPHA,
    Pair,
    Verdict,
    compare,
    holm,
    least_chance,
    mann_whitney,
    ratio_of_medians,
)

FIGURES, ROUNDS = 14, 8
VALUES = st.floats(0.001, 1e6)
WHOLE = st.integers(0, 4).map(float)


@pytest.fixture
def few_resamples(monkeypatch):
    """The interval is not looked at, and many comparisons are made."""
    monkeypatch.setattr(module, "_RESAMPLES", 20)


def runs(random, count, ratio=1.0, noise=0.05, rounds=ROUNDS, **options):
    for _ in range(count):
        now, before = random.lognormal(0, noise, (2, FIGURES, rounds))
        yield [Pair(*pair, **options) for pair in zip(ratio * now, before, strict=True)]


@settings(deadline=None, max_examples=60)
@given(st.lists(VALUES, min_size=2, max_size=30, unique=True), st.data())
def test_without_ties_it_is_scipys_exact_test(values, data):
    cut = data.draw(st.integers(1, len(values) - 1))
    ours, others = values[:cut], values[cut:]
    expected = stats.mannwhitneyu(ours, others, alternative="greater", method="exact").pvalue
    assert mann_whitney(ours, others) == pytest.approx(expected, rel=1e-9)


@settings(deadline=None, max_examples=60)
@given(st.lists(WHOLE, min_size=1, max_size=5), st.lists(WHOLE, min_size=1, max_size=5))
def test_with_ties_it_counts_all_ways_to_deal_the_values_out(ours, others):
    ranks = stats.rankdata([*ours, *others])
    sums = [sum(each) for each in itertools.combinations(ranks.tolist(), len(ours))]
    expected = np.mean(np.array(sums) >= ranks[: len(ours)].sum() - 1e-9)
    assert mann_whitney(ours, others) == pytest.approx(expected)


@pytest.mark.parametrize("ties", [False, True])
def test_large_samples_are_scipys_normal_test(ties):
    random = np.random.default_rng(3)
    for shift in (0.0, 0.2, 1.0):
        ours, others = random.normal(shift, size=70), random.normal(size=60)
        if ties:
            ours, others = ours.round(), others.round()
        expected = stats.mannwhitneyu(ours, others, alternative="greater", method="asymptotic")
        assert mann_whitney(ours, others) == pytest.approx(expected.pvalue, rel=1e-9)


def test_rounds_that_are_all_the_same_say_nothing():
    assert mann_whitney([1.0] * 80, [1.0] * 80) == 1
    assert mann_whitney([1.0] * 8, [1.0] * 8) == 1


def test_the_least_chance_is_that_of_one_order_among_all():
    assert least_chance(8, 8) == pytest.approx(mann_whitney(range(8, 16), range(8)))
    assert least_chance(1, 50) == 1


def test_holms_steps_down():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.9]) == [1, 1]
    assert holm([]) == []


def test_without_a_difference_a_run_is_flagged_at_most_at_alpha(few_resamples):
    random, count = np.random.default_rng(5), 250
    told = [compare(pairs) for pairs in runs(random, count, relevant=1.0)]
    flagged = sum(any(each.verdict is not Verdict.SAME for each in run) for run in told)
    assert 0 < flagged <= ALPHA * count + 3 * math.sqrt(ALPHA * (1 - ALPHA) * count)


def test_a_planted_slowdown_of_30_percent_is_found(few_resamples):
    random = np.random.default_rng(6)
    told = [each.verdict for pairs in runs(random, 20, ratio=1.3) for each in compare(pairs)]
    assert np.mean([each is Verdict.SLOWER for each in told]) > 0.9
    assert Verdict.FASTER not in told


def test_of_many_figures_the_one_that_is_slower_is_named(few_resamples):
    random = np.random.default_rng(7)
    for pairs in runs(random, 20, relevant=1.1):
        which = int(random.integers(FIGURES))
        pairs[which] = Pair(1.5 * pairs[which].now, pairs[which].before)
        told = [each.verdict for each in compare(pairs)]
        assert [place for place, it in enumerate(told) if it is not Verdict.SAME] == [which]
        assert told[which] is Verdict.SLOWER


def test_a_few_percent_are_not_flagged_however_sure(few_resamples):
    random = np.random.default_rng(8)
    for pairs in runs(random, 10, ratio=1.05, noise=0.005, rounds=30):
        assert all(each.verdict is Verdict.SAME for each in compare(pairs))


@pytest.mark.parametrize(
    ("ratio", "more", "verdict"),
    [(2, False, "slower"), (2, True, "faster"), (0.5, False, "faster"), (0.5, True, "slower")],
)
def test_more_may_be_better_or_worse(ratio, more, verdict):
    before = [1.0, 1.01, 1.02, 0.99, 0.98, 1.03]
    (finding,) = compare([Pair([ratio * each for each in before], before, more)])
    assert finding.verdict == verdict
    assert finding.ratio == pytest.approx(ratio)
    assert finding.low <= finding.ratio <= finding.high


@pytest.mark.parametrize("rounds", [1, 2, 3])
def test_few_rounds_cannot_tell(rounds):
    (finding,) = compare([Pair([9.0] * rounds, [1.0] * 3)])
    assert finding.verdict is Verdict.UNKNOWN
    assert finding.why == ("1 round" if rounds == 1 else f"{rounds} rounds")


def test_what_the_machine_itself_explains_is_not_blamed_on_the_figure(few_resamples):
    (pairs,) = runs(np.random.default_rng(9), 1, ratio=1.5, noise=0.02)
    told = compare(pairs, pace=1.5)
    assert {each.verdict for each in told} == {Verdict.UNKNOWN}
    assert told[0].why == "the machine itself took 1.50 times as long"
    assert {each.verdict for each in compare(pairs, pace=1.0)} == {Verdict.SLOWER}


def test_a_faster_machine_makes_no_figure_slower_that_took_as_long(few_resamples):
    (pairs,) = runs(np.random.default_rng(10), 1, noise=0.02)
    assert {each.verdict for each in compare(pairs, pace=0.5)} == {Verdict.SAME}


def test_the_interval_holds_the_true_ratio_about_as_often_as_it_says():
    random, held = np.random.default_rng(11), 0
    for _ in range(150):
        now, before = random.lognormal(0, 0.2, (2, 20))
        _, low, high = ratio_of_medians(1.3 * now, before)
        held += low <= 1.3 <= high
    assert 0.9 <= held / 150 <= 1


def test_the_same_rounds_give_the_same_interval():
    now, before = np.random.default_rng(12).lognormal(0, 0.2, (2, 9))
    assert ratio_of_medians(now, before) == ratio_of_medians(now, before)


def test_nothing_to_compare_is_nothing_found():
    assert compare([]) == []
