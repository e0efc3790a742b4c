"""Validate, calculate and enrich: rows a second, beside pandas and beside numpy by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd

from benchmarks.harness import Figure, Outcome, Plot, cpu_seconds, interleaved, quartiles, ratios
from livewidget.data.batch import Batch
from livewidget.data.clock import SystemClock
from livewidget.data.schema import Schema
from livewidget.data.text import Text
from livewidget.pipeline.calculate import Calculate
from livewidget.pipeline.chain import Pipeline
from livewidget.pipeline.enrich import TimeFeatures
from livewidget.pipeline.lookup import Lookup
from livewidget.pipeline.operator import Bound, Tally
from livewidget.pipeline.validate import Validate

ROWS = 1_000
BATCHES = 200
BAD_IN = 10  # one batch of so many holds a row that is out of range
SYMBOLS = tuple(f"S{number:03d}" for number in range(200))
SECTORS = ("energy", "health", "tech", "utilities")
CONTEXT = {
    name: {"sector": SECTORS[place % 4], "lot": float(10 + place % 7)}
    for place, name in enumerate(SYMBOLS)
}
CONTEXT_FRAME = pd.DataFrame.from_dict(CONTEXT, orient="index")
PLACE_OF = {name: place for place, name in enumerate(SYMBOLS)}
# by place; what is not known is at the end
SECTOR_CODES = np.array([*(place % 4 for place in range(len(SYMBOLS))), -1], dtype=np.int32)
LOTS = np.array([*(each["lot"] for each in CONTEXT.values()), np.nan])
SCHEMA = Schema.of({"time": "time", "symbol": "text", "price": "float", "size": "float"}, "time")
LOW, HIGH, MOST = 0.0, 1e6, 1e4
_HOUR = 3_600 * 10**9


def pipeline() -> Pipeline:
    """Return what is measured: a check of two ranges, a product, a look-up and the hour."""
    return Pipeline(
        [
            Validate(
                price={"required": True, "min": LOW, "max": HIGH},
                size={"required": True, "min": 0.0, "max": MOST},
            ),
            Calculate(notional="price * size"),
            Lookup("symbol", CONTEXT, ["sector", "lot"]),
            TimeFeatures(add="hour"),
        ]
    )


def by_hand(batch: Batch) -> dict[str, np.ndarray]:
    """Return the same in numpy, as one writes it who cares: one mask, and only if a scan fails."""
    time, symbol, price, size = batch.columns
    assert isinstance(symbol, Text)
    codes = symbol.codes
    low, high = np.minimum.reduce, np.maximum.reduce
    if not (low(price) >= LOW and high(price) <= HIGH and low(size) >= 0 and high(size) <= MOST):
        good = (price >= LOW) & (price <= HIGH) & (size >= 0) & (size <= MOST)
        time, codes, price, size = time[good], codes[good], price[good], size[good]
    place = np.array([PLACE_OF.get(name, -1) for name in symbol.categories] + [-1])[codes]
    return {
        "time": time,
        "symbol": codes,
        "price": price,
        "size": size,
        "notional": price * size,
        "sector": SECTOR_CODES[place],
        "lot": LOTS[place],
        "hour": time // _HOUR % 24,
    }


def in_pandas(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the same in pandas, the fastest of the ways tried: map and assign take longer."""
    price, size = frame["price"], frame["size"]
    good = frame[(price >= LOW) & (price <= HIGH) & (size >= 0) & (size <= MOST)].copy()
    good["notional"] = good["price"] * good["size"]
    good["hour"] = good["time"].dt.hour
    return good.join(CONTEXT_FRAME, on="symbol")


def _batches() -> Iterator[Batch]:
    random = np.random.default_rng(7)
    start = 1_700_000_000 * 10**9
    for number in range(BATCHES):
        times = start + np.arange(number * ROWS, (number + 1) * ROWS) * 10_000_000
        price, size = random.uniform(1, 1_000, ROWS), random.integers(1, 500, ROWS) * 1.0
        if number % BAD_IN == 0:
            price[random.integers(ROWS)] = -1.0
        # a decoder codes each batch by itself: the categories differ from batch to batch
        used, codes = np.unique(random.integers(0, 200, ROWS), return_inverse=True)
        symbol = Text(codes.astype(np.int32), tuple(SYMBOLS[place] for place in used))
        yield Batch(SCHEMA, (times, symbol, price, size))


def measure(*, quick: bool) -> Outcome:
    """Compare CPU time for the same batches, in turn, and check that all come to the same."""
    batches = list(_batches())
    frames = [batch.to_dataframe(tz=None) for batch in batches]
    for frame in frames:  # plain text and times without a zone: where pandas is at its best
        frame["symbol"] = frame["symbol"].astype("str")
    bound = pipeline().bind(SCHEMA, SystemClock())
    _check(bound, batches, frames)

    def ours() -> None:
        tally = Tally()
        for batch in batches:
            bound.step(batch, tally)

    def hand() -> None:
        for batch in batches:
            by_hand(batch)

    def pandas() -> None:
        for frame in frames[: BATCHES // 10]:
            in_pandas(frame)

    jobs: dict[str, Callable[[], float]] = {
        "ours": lambda: cpu_seconds(ours) / BATCHES,
        "numpy": lambda: cpu_seconds(hand) / BATCHES,
        "pandas": lambda: 10 * cpu_seconds(pandas) / BATCHES,
    }
    times = interleaved(jobs, rounds=9 if quick else 41)
    rates = {name: [ROWS / took for took in each] for name, each in times.items()}
    return _outcome(times, rates)


def _check(bound: Bound, batches: list[Batch], frames: list[pd.DataFrame]) -> None:
    """Raise AssertionError where the three do not come to the same."""
    for batch, frame in zip(batches[:20], frames[:20], strict=True):
        tally = Tally()
        ours, hand = bound.step(batch, tally), by_hand(batch)
        theirs = in_pandas(frame)
        assert len(ours) == ROWS - tally.rejected == len(theirs) == len(hand["time"])
        for name in ("notional", "lot", "hour"):
            assert np.array_equal(ours[name], theirs[name].to_numpy()), name
            assert np.array_equal(ours[name], hand[name]), name
        assert ours["sector"].decode().tolist() == theirs["sector"].tolist()
        assert [SECTORS[place] for place in hand["sector"]] == theirs["sector"].tolist()


def _outcome(times: dict[str, list[float]], rates: dict[str, list[float]]) -> Outcome:
    low, middle, high = quartiles(rates["ours"])
    hand, pandas = (quartiles(rates[name])[1] for name in ("numpy", "pandas"))
    told = f"numpy by hand {hand / 1e6:.1f} M rows/s, pandas {pandas / 1e6:.2f} M rows/s"
    name = f"validate, calculate and enrich, batches of {ROWS:,} rows"
    figures = [Figure(name, middle, "rows/CPU s", told, 10e6, at_least=True, low=low, high=high)]
    low, middle, high = ratios(times["pandas"], times["ours"])
    told = f"{1e6 * quartiles(times['pandas'])[1]:.0f} us a batch in pandas"
    figures.append(
        Figure("pandas over it", middle, "x", told, 15, at_least=True, low=low, high=high)
    )
    low, middle, high = ratios(times["ours"], times["numpy"])
    told = f"{1e6 * quartiles(times['numpy'])[1]:.1f} us a batch in numpy by hand"
    figures.append(Figure("it over numpy by hand", middle, "x", told, 3, low=low, high=high))
    bars = {name: quartiles(each)[1] / 1e6 for name, each in rates.items()}
    plot = Plot("Validate, calculate and enrich", "", "M rows a CPU second", bars=bars, target=10)
    note = (
        f"Two required columns with ranges, a product, a look-up of two columns by {len(SYMBOLS)} "
        f"symbols, the hour. One batch in {BAD_IN} holds a row out of range. Each batch has its "
        "own codes, as a decoder makes them. By hand: the same checks, no reasons, no account."
    )
    return Outcome("The pipeline", figures, [plot], note)
