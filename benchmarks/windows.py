"""Windows: events a second, beside pandas groupby, streamz by event and Bytewax; and sliding."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from importlib.util import find_spec
from itertools import islice
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.harness import Figure, Outcome, Plot, cpu_seconds, interleaved, quartiles, ratios
from livewidget.data.batch import Batch
from livewidget.data.clock import SystemClock
from livewidget.data.schema import Schema
from livewidget.data.text import Text
from livewidget.pipeline.operator import Tally
from livewidget.pipeline.windows.operator import Window

ROWS = 10_000
KEYS = 1_000
RATE = 100_000  # events a second of event time: ten batches a window
BATCHES = 100  # different ones; a longer stream is made of them, with later times
FEW = 50_000  # events for those that take one at a time
START = 1_700_000_000 * 10**9
SCHEMA = Schema.of({"time": "time", "key": "text", "value": "float"}, "time")
NAMES = np.array([f"sensor-{number:04d}" for number in range(KEYS)])
AGGREGATE = {
    "n": ("value", "count"),
    "mean": ("value", "mean"),
    "min": ("value", "min"),
    "max": ("value", "max"),
    "p95": ("value", "p95"),
}
BASIC = {name: AGGREGATE[name] for name in ("n", "mean", "min", "max")}
SLIDING = {
    "5 min by 1 s, count, mean, min, max": (300, BASIC),
    "30 s by 1 s, p95 too": (30, AGGREGATE),
}
_BATCH_NS = ROWS * 10**9 // RATE


def _batches() -> list[Batch]:
    random = np.random.default_rng(7)
    batches = []
    for number in range(BATCHES):
        times = START + number * _BATCH_NS + np.arange(ROWS) * (10**9 // RATE)
        # a decoder codes each batch by itself: the categories differ from batch to batch
        used, codes = np.unique(random.integers(0, KEYS, ROWS), return_inverse=True)
        key = Text(codes.astype(np.int32), tuple(NAMES[used].tolist()))
        batches.append(Batch(SCHEMA, (times, key, random.normal(100, 15, ROWS))))
    return batches


@dataclass
class Stream:
    """An operator that goes on and on through the same batches, each time with later times."""

    window: Window
    batches: list[Batch]
    turn: int = 0
    results: int = 0
    step: Callable[[Batch, Tally], Batch] = field(init=False)

    def __post_init__(self) -> None:
        """Bind the operator."""
        self.step = self.window.bind(SCHEMA, SystemClock()).step

    def later(self) -> Iterator[Batch]:
        """Yield batches without end."""
        while True:
            batch = self.batches[self.turn % BATCHES]
            times = batch.times + self.turn // BATCHES * BATCHES * _BATCH_NS
            self.turn += 1
            yield Batch(SCHEMA, (times, *batch.columns[1:]))

    def seconds(self, batches: int) -> float:
        """Take so many batches, and return the CPU seconds of the operator alone."""
        took, tally = 0.0, Tally()
        for batch in islice(self.later(), batches):
            begun = time.thread_time()
            out = self.step(batch, tally)
            took += time.thread_time() - begun
            self.results += len(out)
        return took


def by_batch(frame: pd.DataFrame) -> pd.DataFrame:
    """Return what pandas says of one batch, which lies in one window."""
    values = frame.groupby("key", observed=True, sort=False)["value"]
    out = values.agg(["count", "mean", "min", "max"])
    out["p95"] = values.quantile(0.95)
    return out


def at_once(frame: pd.DataFrame) -> pd.DataFrame:
    """Return what pandas says of all events, by window and key."""
    second = frame["time"].to_numpy().astype("datetime64[s]")
    values = frame.groupby([second, "key"], observed=True, sort=False)["value"]
    out = values.agg(["count", "mean", "min", "max"])
    out["p95"] = values.quantile(0.95)
    return out


Event = tuple[float, str, float]


def _fold(cell: list[Any] | None, value: float) -> list[Any]:
    """Add a value to count, sum, min, max and the values themselves, of which the p95 is taken."""
    if cell is None:
        return [1, value, value, value, [value]]
    cell[0] += 1
    cell[1] += value
    cell[2] = min(cell[2], value)
    cell[3] = max(cell[3], value)
    cell[4].append(value)
    return cell


def _result(cell: list[Any]) -> tuple[float, ...]:
    values = sorted(cell[4])
    return cell[0], cell[1] / cell[0], cell[2], cell[3], values[int(0.95 * (len(values) - 1))]


def in_streamz(events: list[Event]) -> int:
    """Sum events up one by one in streamz; return how many results there were."""
    from streamz import Stream as Streamz  # type: ignore[import-untyped]

    found: list[tuple[str, tuple[float, ...]]] = []

    def fold(state: tuple[int, dict[str, Any]], event: Event) -> tuple[Any, Any]:
        (window, cells), done = state, {}
        if int(event[0]) != window:
            window, cells, done = int(event[0]), {}, cells
        cells[event[1]] = _fold(cells.get(event[1]), event[2])
        return (window, cells), done

    source = Streamz()
    folded = source.accumulate(fold, start=(0, {}), returns_state=True)
    folded.filter(bool).sink(
        lambda done: found.extend((key, _result(cell)) for key, cell in done.items())
    )
    for event in events:
        source.emit(event)
    return len(found)


def in_bytewax(events: list[tuple[str, tuple[datetime, float]]]) -> int:
    """Sum events up in Bytewax; return how many results there were."""
    import bytewax.operators as op
    import bytewax.operators.windowing as win
    from bytewax.dataflow import Dataflow
    from bytewax.testing import TestingSink, TestingSource, run_main

    found: list[Any] = []
    flow = Dataflow("windows")
    stream = op.input("in", flow, TestingSource(events, batch_size=ROWS))
    clock: Any = win.EventClock(lambda event: event[0], wait_for_system_duration=timedelta(0))
    windower = win.TumblingWindower(
        length=timedelta(seconds=1), align_to=datetime(2023, 1, 1, tzinfo=UTC)
    )
    folded: Any = win.fold_window(
        "fold",
        stream,
        clock,
        windower,
        lambda: None,
        lambda cell, event: _fold(cell, event[1]),
        lambda left, _: left,
    )
    results = op.map("result", folded.down, lambda item: (item[0], _result(item[1][1])))
    op.output("out", results, TestingSink(found))
    run_main(flow)  # type: ignore[no-untyped-call]
    return len(found)


def measure(*, quick: bool) -> Outcome:
    """Compare CPU time for the same events, in turn, and check that all come to the same."""
    batches = _batches()
    frames = [batch.to_dataframe(tz=None) for batch in batches]
    whole = pd.concat([frame.astype({"key": str}) for frame in frames]).astype({"key": "category"})
    _check(batches, whole)
    tumbling = Stream(Window("1s", by="key", aggregate=AGGREGATE), batches)
    events = [
        (row["time"].timestamp(), row["key"], row["value"])
        for batch in batches[: FEW // ROWS]
        for row in batch.to_dataframe().to_dict("records")
    ]
    stamped = [(key, (datetime.fromtimestamp(at, UTC), value)) for at, key, value in events]

    def pandas() -> None:
        for frame in frames[:20]:
            by_batch(frame)

    jobs: dict[str, Callable[[], float]] = {
        "ours": lambda: tumbling.seconds(BATCHES) / BATCHES / ROWS,
        "pandas": lambda: cpu_seconds(pandas) / 20 / ROWS,
        "pandas at once": lambda: cpu_seconds(lambda: at_once(whole)) / len(whole),
    }
    if find_spec("streamz"):
        jobs["streamz"] = lambda: cpu_seconds(lambda: in_streamz(events)) / len(events)
    if find_spec("bytewax"):
        jobs["Bytewax"] = lambda: _process_seconds(lambda: in_bytewax(stamped)) / len(events)
    times = interleaved(jobs, rounds=3 if quick else 15, warm_up=1)
    return _outcome(times, _sliding(batches, quick=quick))


def _process_seconds(job: Callable[[], object]) -> float:
    begun = time.process_time()
    job()
    return time.process_time() - begun


def _sliding(batches: list[Batch], *, quick: bool) -> dict[str, dict[str, list[float]]]:
    """Return the CPU seconds of a window's time of events, tumbling by 1 s and sliding by 1 s.

    Each has as much behind it, so that all windows are full.
    """
    times = {}
    for name, (size, aggregate) in SLIDING.items():
        streams = {
            "tumbling": Stream(Window("1s", by="key", aggregate=aggregate), batches),
            "sliding": Stream(Window(size, slide="1s", by="key", aggregate=aggregate), batches),
        }
        jobs = {
            kind: partial(stream.seconds, size * RATE // ROWS) for kind, stream in streams.items()
        }
        times[name] = interleaved(jobs, rounds=2 if quick else 5, warm_up=1)
    return times


def _check(batches: list[Batch], whole: pd.DataFrame) -> None:
    """Raise AssertionError where we and pandas do not come to the same."""
    step = Window("1s", by="key", aggregate=AGGREGATE).bind(SCHEMA, SystemClock()).step
    tally = Tally()
    outs = [step(batch, tally).to_dataframe(tz=None) for batch in batches]
    ours = pd.concat([out.astype({"key": str}) for out in outs if len(out)])
    theirs = at_once(whole)
    theirs = theirs[theirs.index.get_level_values(0) < ours["time"].max()]
    ours = ours.set_index(["window_start", "key"])
    assert len(ours) == len(theirs)
    theirs.index = theirs.index.set_levels(theirs.index.levels[1].astype(str), level=1)
    theirs = theirs.reindex(ours.index)
    for mine, its in (("n", "count"), ("min", "min"), ("max", "max")):
        assert (ours[mine] == theirs[its]).all(), mine
    assert np.allclose(ours["mean"], theirs["mean"])
    assert (ours["p95"].between(ours["min"], ours["max"])).all()
    assert np.abs(ours["p95"] / theirs["p95"] - 1).median() < 0.02


def _outcome(times: dict[str, list[float]], sliding: dict[str, dict[str, list[float]]]) -> Outcome:
    rates = {name: quartiles([1 / took for took in each]) for name, each in times.items()}
    low, middle, high = rates["ours"]
    name = f"tumbling 1 s: count, mean, min, max, p95 over {KEYS:,} keys, batches of {ROWS:,}"
    told = ", ".join(f"{other} {rate[1] / 1e6:.2f} M" for other, rate in rates.items())
    figures = [Figure(name, middle, "events/CPU s", told, 10e6, at_least=True, low=low, high=high)]
    best = min(("pandas", "pandas at once"), key=lambda each: quartiles(times[each])[1])
    for other, title, least in (
        (best, "over pandas groupby, the faster of by batch and all at once", 1),
        ("streamz", "over streamz by event", 20),
        ("Bytewax", "over Bytewax", 20),
    ):
        if other not in times:
            figures.append(Figure(f"{title}: not installed", 0.0, "x", "absent"))
            continue
        low, middle, high = ratios(times[other], times["ours"])
        told = f"{other}: {rates[other][1] / 1e6:.3f} M events/s"
        figures.append(Figure(title, middle, "x", told, least, at_least=True, low=low, high=high))
    for name, each in sliding.items():
        low, middle, high = ratios(each["sliding"], each["tumbling"])
        size, aggregate = SLIDING[name]
        told = f"{size * RATE / quartiles(each['sliding'])[1] / 1e6:.1f} M events/s sliding"
        limit = 2 if aggregate is BASIC else None  # digests cost more to merge than to fill
        title = f"sliding {name}, over tumbling 1 s"
        figures.append(Figure(title, middle, "x", told, limit, low=low, high=high))
    bars = {name: rate[1] / 1e6 for name, rate in rates.items()}
    plot = Plot("Tumbling windows", "", "M events a CPU second", bars=bars, target=10)
    note = (
        f"{RATE:,} events a second of event time, so that ten batches make a window. Each batch "
        "has its own codes, as a decoder makes them; pandas gets them as categories. streamz and "
        f"Bytewax take {FEW:,} events of the same, one by one, and fold plain Python lists."
    )
    return Outcome("Windows", figures, [plot], note)
