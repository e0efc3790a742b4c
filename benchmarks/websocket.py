"""WebSocket messages into columns, beside bare receive loops of the same library."""

from __future__ import annotations

import asyncio
import json
import statistics

from benchmarks.blaster import BATCH, WIDE, blaster, first_core
from benchmarks.filling import Cost, fill
from benchmarks.harness import Figure, Outcome, Plot, interleaved, quartiles, ratios

MESSAGES = 100_000
EVENTS = 400_000  # of the batches
SMALL = {"time": "time", "columns": ("bid", "ask")}
LARGE = {"time": "time", "columns": tuple(f"s{n}" for n in range(WIDE))}
OWN = {"proxy": False, "reconnect": False}


def measure(*, quick: bool) -> Outcome:
    """Measure one small event a message beside two bare loops, then batches of NDJSON."""
    rounds = 3 if quick else 9
    with first_core():
        with blaster("websocket", MESSAGES) as port:
            url = f"ws://127.0.0.1:{port}"
            jobs = {
                "bare": Cost(lambda: asyncio.run(_receive(url))),
                "json.loads": Cost(lambda: asyncio.run(_loads(url))),
                "livewidget": Cost(lambda: fill(url, MESSAGES, **SMALL, **OWN)),
            }
            times = interleaved(jobs, rounds, warm_up=1)
        with blaster("ndjson", EVENTS) as port:
            url = f"ws://127.0.0.1:{port}"
            batches = {"ndjson": Cost(lambda: fill(url, EVENTS, **LARGE, **OWN))}
            large = interleaved(batches, rounds, warm_up=1)["ndjson"]
    figures = [
        _beside("a bare receive loop", "bare", times, 0.8),
        _beside("a loop of json.loads", "json.loads", times, 1.2),
    ]
    busy = statistics.median(jobs["livewidget"].busy)
    bare = statistics.median(jobs["bare"].busy)
    figures.append(
        Figure("the client's core", 100 * busy, "% busy", f"bare loop {100 * bare:.0f} %")
    )
    low, middle, high = quartiles([EVENTS * WIDE / each for each in large])
    told = f"{middle / WIDE / 1e6:.2f} M events a CPU second"
    name = f"NDJSON, {BATCH:,} events a message"
    figures.append(
        Figure(name, middle, "samples/CPU s", told, 5e6, at_least=True, low=low, high=high)
    )
    rates = {name: MESSAGES / statistics.median(each) / 1e3 for name, each in times.items()}
    plot = Plot("One small event a message", "", "thousand messages a CPU second", bars=rates)
    note = (
        "Counted is the CPU time of the client's whole process, from connecting until the last row "
        "is in the buffer: others on the machine do not change it. Where the core is busy "
        "throughout, it is the time by the clock. The server is another process on another core "
        "and sends frames made beforehand. The bare loop awaits `recv(decode=False)` and decodes "
        f"nothing. An event of NDJSON has {WIDE} numbers, each of them a sample."
    )
    return Outcome("WebSocket messages into columns", figures, [plot], note)


def _beside(told: str, name: str, times: dict[str, list[float]], least: float) -> Figure:
    low, middle, high = ratios(times[name], times["livewidget"])
    rates = {each: MESSAGES / statistics.median(times[each]) / 1e3 for each in times}
    text = f"{rates['livewidget']:.0f} k messages a CPU second; there {rates[name]:.0f} k"
    return Figure(
        f"messages, over {told}", middle, "x", text, least, at_least=True, low=low, high=high
    )


async def _receive(url: str) -> None:
    from websockets.asyncio.client import connect

    async with connect(url, proxy=None) as connection:
        for _ in range(MESSAGES):
            await connection.recv(decode=False)


async def _loads(url: str) -> None:
    from websockets.asyncio.client import connect

    async with connect(url, proxy=None) as connection:
        for _ in range(MESSAGES):
            json.loads(await connection.recv())
