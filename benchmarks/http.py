"""Server-Sent Events and polling into columns, beside bare loops of the same HTTP client."""

from __future__ import annotations

import asyncio
import json
import statistics
from collections.abc import Callable
from functools import partial
from typing import Any

import msgspec

from benchmarks.blaster import ANSWER, blaster, first_core
from benchmarks.filling import Cost, fill
from benchmarks.harness import Figure, Outcome, Plot, interleaved, ratios
from livewidget.sources.poll import PollSource
from livewidget.sources.sse import SseSource

EVENTS = 30_000
POLLS = 400
INTERVAL_S = 0.001
WANTED = {"time": "time", "columns": ("bid", "ask")}
FIELDS = ("time", "bid", "ask")
Decode = Callable[[Any], object]


def measure(*, quick: bool) -> Outcome:
    """Measure an event stream and a document that is polled."""
    rounds = 3 if quick else 9
    figures, bars = [], {}
    with first_core():
        for kind, count, jobs in (("sse", EVENTS, _STREAM), ("poll", POLLS, _POLLS)):
            with blaster(kind, count) as port:
                url = f"http://127.0.0.1:{port}/"
                costs = {name: Cost(partial(job, url)) for name, job in jobs.items()}
                times = interleaved(costs, rounds, warm_up=1)
            what = "events" if kind == "sse" else "answers"
            rates = {name: count / statistics.median(each) / 1e3 for name, each in times.items()}
            bars |= {f"{what}: {name}": rate for name, rate in rates.items()}
            for bare in ("json.loads", "msgspec"):
                low, middle, high = ratios(times[bare], times["livewidget"])
                text = f"{rates['livewidget']:.3g} k a CPU second; there {rates[bare]:.3g} k"
                name = f"{what}, over a bare loop with {bare}"
                figures.append(
                    Figure(name, middle, "x", text, 0.8, at_least=True, low=low, high=high)
                )
    plot = Plot("Over HTTP", "", "thousand a CPU second", bars=bars)
    note = (
        "CPU time of the client's whole process, as with WebSocket. The bare loops are of httpx2, "
        "its `EventSource` and its `get`, and decode each event or answer with "
        "`json.loads` or `msgspec.json.decode`; what they decode they throw away. An answer has "
        f"{ANSWER} events; both sides wait {1e3 * INTERVAL_S:g} ms between two questions."
    )
    return Outcome("Events over HTTP into columns", figures, [plot], note)


async def _listen(decode: Decode, url: str) -> None:
    from httpx2 import AsyncClient, EventSource

    left = EVENTS
    async with AsyncClient(trust_env=False) as client, client.stream("GET", url) as response:
        async for event in EventSource(response):
            decode(event.data)
            left -= 1
            if not left:
                return


async def _ask(decode: Decode, url: str) -> None:
    from httpx2 import AsyncClient

    async with AsyncClient(trust_env=False) as client:
        for _ in range(POLLS):
            decode((await client.get(url)).content)
            await asyncio.sleep(INTERVAL_S)


def _stream(url: str) -> None:
    source = SseSource(url, proxy=False, reconnect=False, fields=FIELDS, needs=FIELDS[1:])
    fill(source, EVENTS, **WANTED)


def _poll(url: str) -> None:
    source = PollSource(url, interval=INTERVAL_S, proxy=False, fields=FIELDS, needs=FIELDS[1:])
    fill(source, POLLS * ANSWER, **WANTED)


def _jobs(
    bare: Callable[[Decode, str], Any], ours: Callable[[str], None]
) -> dict[str, Callable[[str], None]]:
    return {
        "json.loads": lambda url: asyncio.run(bare(json.loads, url)),
        "msgspec": lambda url: asyncio.run(bare(msgspec.json.decode, url)),
        "livewidget": ours,
    }


_STREAM, _POLLS = _jobs(_listen, _stream), _jobs(_ask, _poll)
