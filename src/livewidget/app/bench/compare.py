"""Whether a figure differs between two sets of rounds: by how much, and how sure that is. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

import numpy as np
import numpy.typing as npt

ALPHA = 0.05  # how often a run that did not change may have any figure called different
CONFIDENCE = 0.95
_EXACT = 2_500  # pairs up to which the distribution is counted; the normal one is near beyond
_RESAMPLES = 2_000
_FEWEST = 2

Floats = npt.NDArray[np.float64]


class Verdict(StrEnum):
    """What can be said of a figure."""

    SLOWER = "slower"
    FASTER = "faster"
    SAME = "no difference found"
    UNKNOWN = "cannot tell"


@dataclass(frozen=True, slots=True)
class Pair:
    """One figure's rounds, now and before, both above 0.

    `more` says that more is better. `relevant` is the factor up to which a difference does not
    matter, 1.1 for a tenth.
    """

    now: Sequence[float]
    before: Sequence[float]
    more: bool = False
    relevant: float = 1.1


@dataclass(frozen=True, slots=True)
class Finding:
    """What a comparison found: `ratio` is that of the medians, now over before, with its interval.

    `p` is corrected for the number of figures. `why` follows "cannot tell".
    """

    verdict: Verdict
    ratio: float
    low: float
    high: float
    p: float
    why: str = ""


def compare(pairs: Sequence[Pair], pace: float = 1.0, alpha: float = ALPHA) -> list[Finding]:
    """Judge figures together, so that at most `alpha` of the runs without a change have a finding.

    A difference is tested against its relevant factor, not against none: a figure is slower where
    its rounds, made faster by that factor, still rank after those before (Mann and Whitney, 1947),
    and Holm's correction (1979) allows for the number of figures. `pace` says how many times
    longer the machine itself takes now: what is found must be there with that taken off and
    without, as not all work depends on the processor.
    """
    raw = [_chances(pair, 1.0) for pair in pairs]
    fair = [_chances(pair, pace) for pair in pairs]
    sure = [
        (max(ours[0], theirs[0]), max(ours[1], theirs[1]))
        for ours, theirs in zip(raw, fair, strict=True)
    ]
    corrected = holm([min(1.0, 2 * min(each)) for each in sure])
    alone = holm([min(1.0, 2 * min(each)) for each in raw])
    found = []
    for pair, each, p, first in zip(pairs, sure, corrected, alone, strict=True):
        verdict, why = Verdict.SAME, ""
        rounds = min(len(pair.now), len(pair.before))
        if 2 * least_chance(len(pair.now), len(pair.before)) * len(pairs) > alpha:
            verdict, why = Verdict.UNKNOWN, f"{rounds} round{'s' if rounds != 1 else ''}"
        elif p <= alpha:
            verdict = Verdict.SLOWER if each[0] <= each[1] else Verdict.FASTER
        elif first <= alpha:
            verdict, why = Verdict.UNKNOWN, f"the machine itself took {pace:.2f} times as long"
        found.append(Finding(verdict, *ratio_of_medians(pair.now, pair.before), p, why))
    return found


def mann_whitney(more: Sequence[float] | Floats, less: Sequence[float] | Floats) -> float:
    """Return how probable it is that `more` ranks so high against `less` by chance; one-sided.

    Counted over all ways to deal the values out (ties share their ranks) up to 2,500 pairs, by
    the normal distribution with corrections for ties and continuity beyond.
    """
    ours, others = np.asarray(more, np.float64), np.asarray(less, np.float64)
    ranks = _double_ranks(np.concatenate([ours, others]))
    total = int(ranks[: len(ours)].sum())
    if len(ours) * len(others) > _EXACT:
        return _normal(ranks, len(ours), total)
    return float(_tail(tuple(np.sort(ranks).tolist()), len(ours))[total])


def least_chance(ours: int, others: int) -> float:
    """Return the smallest one-sided probability that so many rounds can show."""
    return 1.0 if min(ours, others) < _FEWEST else 1 / math.comb(ours + others, ours)


def holm(chances: Sequence[float]) -> list[float]:
    """Return the probabilities corrected for their number, by Holm's steps down."""
    corrected, most = [0.0] * len(chances), 0.0
    for place, which in enumerate(np.argsort(np.array(chances), kind="stable").tolist()):
        most = max(most, min(1.0, (len(chances) - place) * chances[which]))
        corrected[which] = most
    return corrected


def ratio_of_medians(
    now: Sequence[float], before: Sequence[float], confidence: float = CONFIDENCE
) -> tuple[float, float, float]:
    """Return the ratio of the medians with its bootstrap interval; the same for the same rounds."""
    random = np.random.default_rng(0)
    drawn = [
        np.median(random.choice(np.asarray(each), (_RESAMPLES, len(each))), axis=1)
        for each in (now, before)
    ]
    tail = 50 * (1 - confidence)
    low, high = np.percentile(drawn[0] / drawn[1], [tail, 100 - tail]).tolist()
    return float(np.median(now) / np.median(before)), low, high


def _chances(pair: Pair, pace: float) -> tuple[float, float]:
    """Return the one-sided probabilities of "slower" and of "faster", each beyond the relevant."""
    now, before = np.asarray(pair.now, np.float64), np.asarray(pair.before, np.float64)
    if pair.more:  # a rate: its inverse is what one takes
        now, before = 1 / now, 1 / before
    before = before * pace
    slower = mann_whitney(now, before * pair.relevant)
    return slower, mann_whitney(before, now * pair.relevant)


def _double_ranks(values: Floats) -> npt.NDArray[np.int64]:
    """Return twice the ranks from 1 up, ties sharing theirs: whole numbers."""
    ordered = np.sort(values)
    first = np.searchsorted(ordered, values, side="left")
    return first + np.searchsorted(ordered, values, side="right") + 1


@lru_cache(maxsize=64)  # without ties it is the same for all figures
def _tail(ranks: tuple[int, ...], size: int) -> Floats:
    """Return, by number, the share of all choices of `size` ranks that come to so much or more.

    `ranks` are in order.
    """
    most = sum(ranks[len(ranks) - size :])
    ways = np.zeros((size + 1, most + 1))  # how many choices of so many come to so much
    ways[0, 0] = 1.0
    for rank in ranks:
        ways[1:, rank:] += ways[:-1, : most + 1 - rank]
    above = np.cumsum(ways[size, ::-1])[::-1]
    tail: Floats = above / above[0]
    return tail


def _normal(ranks: npt.NDArray[np.int64], size: int, total: int) -> float:
    count = len(ranks)
    rest = count - size
    above = total / 2 - size * (size + 1) / 2 - size * rest / 2 - 0.5
    _, ties = np.unique(ranks, return_counts=True)
    tied = float((ties**3 - ties).sum()) / (count * (count - 1))
    deviation = math.sqrt(size * rest / 12 * (count + 1 - tied))
    return 0.5 * math.erfc(above / deviation / math.sqrt(2)) if deviation else 1.0
