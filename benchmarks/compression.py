"""Numeric compression: the choice that a column remembers beside each codec alone."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.harness import Figure, Outcome, Plot, cpu_seconds, interleaved, ratios
from livewidget.codecs.numeric.chooser import Chooser
from livewidget.codecs.numeric.packed import SEAL, pack, unpack
from livewidget.codecs.numeric.plan import Plan, encode
from livewidget.codecs.numeric.quantised import divisors

Segments = list[npt.NDArray[Any]]

ROWS, SEGMENTS = 1_000_000, 16
BORN, MS = 1_700_000_000_000_000_000, 1_000_000  # ns
TOLERANCE = 0.01  # of the sensor that is packed with loss; its noise is ten times that
CODECS = ("steady", "delta", "xor", "pcodec")
CHOICE = "the choice"
SERIES = "LIVEWIDGET_SERIES"  # a CSV file of times and values, with a head: one more kind of data


def measure(*, quick: bool) -> Outcome:
    """Measure the bytes and the CPU time of the choice and of each codec alone."""
    rounds = 8 if quick else 24
    figures, costs, bars = [], {}, {}
    for name, segments in _kinds().items():
        tolerance = TOLERANCE if "within" in name else None
        told, costs[name] = _kind(name, segments, tolerance, rounds)
        figures += told
        bars[name] = 8 * ROWS / _bytes(segments, tolerance)
    for title, rank in (("dearest", max), ("cheapest", min)):
        time, value = (
            rank((each for each in costs if ("clock" in each) is clock), key=costs.__getitem__)
            for clock in (True, False)
        )
        name = f"{ROWS:,} rows of a time and a number, the {title}"
        figures.append(
            Figure(name, 1e3 * (costs[time] + costs[value]), "ms", f"{time}, {value}", 100)
        )
    plot = Plot("Numbers, packed", "kind", "times smaller", bars=bars, log="y")
    note = (
        f"{ROWS:,} rows of each kind in {SEGMENTS} segments, again and again with one chooser: "
        f"times are CPU time over all {rounds} rounds, the choice's with its checksums and the "
        f"looks, the first among them; a codec alone has them in its bytes only. "
        f"pcodec {version('pcodec')}."
    )
    return Outcome("Numeric compression", figures, [plot], note)


def _kind(
    name: str, segments: Segments, tolerance: float | None, rounds: int
) -> tuple[list[Figure], float]:
    """Return the figures of one kind of data, and the CPU seconds of its rows by the choice."""
    plans = _plans(segments[0], tolerance)
    sizes = {codec: _alone(segments, plan, tolerance) for codec, plan in plans.items()}
    best = min(sizes, key=sizes.__getitem__)
    chooser = Chooser()
    # The same before each, so that none begins with what another left of caches and heap.
    before = partial(_alone, segments[:2], plans[best], tolerance)
    jobs: dict[str, Callable[[], float]] = {
        codec: partial(_timed, before, partial(_alone, segments, plan, tolerance))
        for codec, plan in plans.items()
    }
    jobs[CHOICE] = partial(_timed, before, partial(_chosen, segments, tolerance, chooser))
    times = interleaved(jobs, rounds, warm_up=0)
    each = {codec: sum(taken) / rounds for codec, taken in times.items()}
    low, _, high = ratios(times[best], times[CHOICE])
    size = _bytes(segments, tolerance) / sizes[best]
    told = ", ".join(f"{codec} {sizes[codec] / sizes[best]:.2f}" for codec in plans)
    speeds = ", ".join(f"{codec} {1e3 * seconds:.0f} ms" for codec, seconds in each.items())
    fast = each[best] / each[CHOICE]
    return [
        Figure(f"{name}: bytes over {best} alone", size, "x", told, 1.03),
        Figure(
            f"{name}: speed over {best} alone", fast, "x", speeds, 0.8, True, low=low, high=high
        ),
    ], each[CHOICE]


def _plans(values: npt.NDArray[Any], tolerance: float | None) -> dict[str, Plan]:
    plans = {} if tolerance else {codec: Plan(codec) for codec in CODECS}
    if values.dtype == np.float64:
        for divisor in divisors(values, tolerance)[:1]:
            for inner in ("delta", "pcodec"):
                plans[f"quantised and {inner}"] = Plan("quantised", divisor, inner)
    return plans


def _timed(before: Callable[[], object], job: Callable[[], object]) -> float:
    before()
    return cpu_seconds(job)


def _alone(segments: Segments, plan: Plan, tolerance: float | None) -> int:
    return sum(len(encode(values, plan, tolerance)[1]) + SEAL for values in segments)


def _chosen(segments: Segments, tolerance: float | None, chooser: Chooser) -> None:
    for values in segments:
        pack(values, tolerance=tolerance, chooser=chooser)


def _bytes(segments: Segments, tolerance: float | None) -> int:
    """Return the bytes by the choice, once it has been seen that the values come back."""
    chooser, taken = Chooser(), 0
    for values in segments:
        packed = pack(values, tolerance=tolerance, chooser=chooser)
        back = unpack(packed)
        if tolerance:
            assert np.abs(back - values).max() <= tolerance
        else:
            assert back.tobytes() == values.tobytes()
        taken += packed.nbytes
    return taken


def _kinds() -> dict[str, Segments]:
    chance = np.random.default_rng(1)
    rows = np.arange(ROWS)
    noise = chance.normal(size=ROWS)
    walk = np.cumsum(chance.normal(size=ROWS))
    gaps = chance.exponential(MS, ROWS)
    ticks = np.where(chance.random(ROWS) < 0.2, chance.integers(-2, 3, ROWS), 0)
    sensor = 20 + 5 * np.sin(rows / 1e5) + 0.1 * noise
    columns: dict[str, npt.NDArray[Any]] = {
        "noisy sensor": sensor,
        "sensor that wanders": 0.05 * walk + 0.5 * noise,
        "sensor of 3 decimals": np.round(sensor, 3),
        f"noisy sensor within {TOLERANCE}": sensor,
        "prices": np.round(100 + np.cumsum(ticks) / 100, 2),
        "prices of two sides": np.round(
            100 + np.cumsum(ticks) / 100 + chance.integers(0, 2, ROWS) / 100, 2
        ),
        "regular clock": BORN + rows * MS,
        "clock with jitter": BORN + rows * MS + chance.integers(0, 1_000, ROWS) * 100,
        "irregular clock, ns": BORN + np.cumsum(gaps).astype(np.int64),
        "irregular clock, us": BORN + np.cumsum(gaps).astype(np.int64) // 1_000 * 1_000,
        "irregular clock, 7 a ms": BORN + np.cumsum(gaps / 7).astype(np.int64) // MS * MS,
    }
    kinds = {name: np.split(values, SEGMENTS) for name, values in columns.items()}
    if SERIES in os.environ:
        series = _series(Path(os.environ[SERIES]))
        kinds |= {f"{name} of a real series": [values] * SEGMENTS for name, values in series}
    return kinds


def _series(path: Path) -> list[tuple[str, npt.NDArray[Any]]]:
    times, values = np.loadtxt(path, delimiter=",", skiprows=1, dtype=str).T
    return [("clock", times.astype("M8[ns]").view("i8")), ("values", values.astype(float))]
