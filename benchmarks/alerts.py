"""Ten thousand alert rules over a thousand keys: the share of a core, in exact event order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from benchmarks.harness import Figure, Outcome, Plot, cpu_seconds, interleaved, quartiles
from livewidget.data.batch import Batch
from livewidget.data.clock import SystemClock
from livewidget.data.schema import Schema
from livewidget.data.text import Text
from livewidget.pipeline.alerts import Alert, Rule
from livewidget.pipeline.operator import Tally

KEYS = 1_000
RULES = 10  # of each key
RATE = 100_000  # events a second
HERTZ = 30  # batches a second
SECONDS = 4
ROWS = RATE // HERTZ
NAMES = tuple(f"sensor-{number:04d}" for number in range(KEYS))
SCHEMA = Schema.of({"time": "time", "sensor": "text", "temperature": "float"}, "time")
LIMIT_PERCENT = 6.0
HOT_KEYS = 15  # keys that are beyond their limits, of each second
CALM, WILD = 1.0, 5.0  # how far their values go up and down


Transition = tuple[int, str, str, str]  # time, key, rule, state


@dataclass(slots=True)
class Plain:
    """One rule for one key, as one writes it who walks event by event."""

    high: float
    low: float
    hold: int
    state: int = 0
    since: int = 0


def limits(key: int, number: int) -> tuple[float, float, str]:
    """Return where a rule begins and ends, and for how long it has to hold."""
    high = 80.0 + 4 * number + key % 7 / 10
    return high, high - 3, ("200ms", "500ms", "1s")[number % 3]


def own_rules() -> list[Rule]:
    """Return ten rules for each key, each for that key alone."""
    rules = []
    for key, name in enumerate(NAMES):
        for number in range(RULES):
            high, low, hold = limits(key, number)
            when = f"temperature > {high} for {hold} clear below {low}"
            rules.append(Rule(f"hot {number}", when, key=name))
    return rules


def common_rules() -> list[Rule]:
    """Return ten rules for all keys: as many states."""
    rules = []
    for number in range(RULES):
        high, low, hold = limits(0, number)
        rules.append(Rule(f"hot {number}", f"temperature > {high} for {hold} clear below {low}"))
    return rules


def _batches(noise: float) -> Iterator[Batch]:
    random = np.random.default_rng(11)
    start = 1_700_000_000 * 10**9
    step = 10**9 // RATE
    for number in range(SECONDS * HERTZ):
        times = start + np.arange(number * ROWS, (number + 1) * ROWS) * step
        keys = random.integers(0, KEYS, ROWS)
        values = random.normal(50, 5, ROWS)
        second = number // HERTZ
        hot = (keys * 7919 + second * 104_729) % KEYS < HOT_KEYS
        values[hot] = random.normal(90, noise, int(hot.sum()))
        # a decoder codes each batch by itself: the categories differ from batch to batch
        used, codes = np.unique(keys, return_inverse=True)
        text = Text(codes.astype(np.int32), tuple(NAMES[place] for place in used))
        yield Batch(SCHEMA, (times, text, values))


def by_hand(batches: list[Batch], *, own: bool) -> list[Transition]:
    """Return the transitions, event by event and rule by rule."""
    found: list[Transition] = []
    table: dict[str, list[Plain]] = {}
    for key, name in enumerate(NAMES):
        table[name] = []
        for number in range(RULES):
            high, low, hold = limits(key if own else 0, number)
            nanos = {"200ms": 200, "500ms": 500, "1s": 1_000}[hold] * 10**6
            table[name].append(Plain(high, low, nanos))
    for batch in batches:
        for row in batch.rows():
            name, time, value = (
                str(row["sensor"]),
                int(str(row["time"])),
                float(str(row["temperature"])),
            )
            _walk(name, table[name], time, value, found)
    return found


def _walk(
    name: str,
    rules: list[Plain],
    time: int,
    value: float,
    found: list[Transition],
) -> None:
    due = sorted(
        (rule.since + rule.hold, number)
        for number, rule in enumerate(rules)
        if rule.state == 1 and rule.since + rule.hold <= time
    )
    for when, number in due:
        rules[number].state = 2
        found.append((when, name, f"hot {number}", "firing"))
    for number, rule in enumerate(rules):
        if rule.state == 0 and value > rule.high:
            rule.state, rule.since = 1, time
            found.append((time, name, f"hot {number}", "pending"))
        elif (rule.state == 1 and value <= rule.high) or (rule.state == 2 and value < rule.low):
            rule.state = 0
            found.append((time, name, f"hot {number}", "resolved"))


def transitions(rules: list[Rule], batches: list[Batch]) -> list[Transition]:
    """Return what the operator tells of, in its order."""
    tally = Tally()
    bound = Alert(rules, by="sensor").bind(SCHEMA, SystemClock())
    for batch in batches:
        bound.step(batch, tally)
    return [
        (row["time"], row["key"], row["rule"], row["state"])  # type: ignore[misc]
        for _, alerts in tally.routed
        for row in alerts.rows()
    ]


def measure(*, quick: bool) -> Outcome:
    """Take the CPU time of four seconds of stream, again and again, with fresh states each time."""
    calm, wild = list(_batches(CALM)), list(_batches(WILD))
    own, common = own_rules(), common_rules()
    cases = {
        "10 rules of each key's own": (own, calm),
        "10 rules for all keys": (common, calm),
        "the same, flapping": (common, wild),
    }
    changes: dict[str, float] = {}
    slow: dict[str, float] = {}
    for name, (rules, batches) in cases.items():
        told = transitions(rules, batches)
        expected: list[Transition] = []
        slow[name] = cpu_seconds(lambda: expected.extend(by_hand(batches, own=rules is own)))  # noqa: B023
        assert told == expected, name
        changes[name] = len(told) / SECONDS
    jobs = {name: _share(*case) for name, case in cases.items()}
    return _outcome(interleaved(jobs, rounds=7 if quick else 31), changes, slow)


def _share(rules: list[Rule], batches: list[Batch]) -> Callable[[], float]:
    """Return the job that gives CPU seconds a second of stream."""
    alert = Alert(rules, by="sensor")

    def job() -> float:
        bound = alert.bind(SCHEMA, SystemClock())
        bound.step(batches[0], Tally())  # where all keys are new

        def run() -> None:
            for batch in batches[1:]:
                bound.step(batch, Tally())

        return cpu_seconds(run) * HERTZ / (len(batches) - 1)

    return job


def _outcome(
    shares: dict[str, list[float]], changes: dict[str, float], slow: dict[str, float]
) -> Outcome:
    figures = []
    for name, each in shares.items():
        low, middle, high = (100 * share for share in quartiles(each))
        reference = (
            f"{changes[name]:,.0f} transitions/s, the same as event by event, "
            f"which takes {100 * slow[name] / SECONDS:.0f} %"
        )
        title = f"10,000 alert states, {RATE:,} events/s: {name}"
        limit = LIMIT_PERCENT if name.startswith("10") else None
        figures.append(Figure(title, middle, "% of a core", reference, limit, low=low, high=high))
    bars = {name: 100 * quartiles(each)[1] for name, each in shares.items()}
    plot = Plot("Ten thousand alert states", "", "% of a core", bars=bars, target=LIMIT_PERCENT)
    note = (
        f"{KEYS:,} keys, thresholds with hysteresis and a duration, batches at {HERTZ} Hz of "
        f"{ROWS:,} rows; {HOT_KEYS} keys are beyond limits in each second. What is told is "
        "compared, in its order, with a walk event by event in plain Python. Flapping: the values "
        "of those keys go up and down through the limits with almost every row."
    )
    return Outcome("Alert rules", figures, [plot], note)
