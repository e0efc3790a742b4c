"""Server-Sent Events and polling into columns, beside bare loops of the same HTTP client."""

from __future__ import annotations

import asyncio
import statistics
from functools import partial

import msgspec

from benchmarks.blaster import ANSWER, blaster, first_core
from benchmarks.filling import Cost, fill
from benchmarks.harness import Figure, Outcome, Plot, interleaved, ratios
from livewidget.sources.poll import PollSource
from livewidget.sources.sse import SseSource

EVENTS = 50_000
POLLS = 400
INTERVAL_S = 0.001
WANTED = {"time": "time", "columns": ("bid", "ask")}
FIELDS = ("time", "bid", "ask")
_decode = msgspec.json.decode


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
            low, middle, high = ratios(times["bare"], times["livewidget"])
            text = f"{rates['livewidget']:.3g} k a CPU second; there {rates['bare']:.3g} k"
            name = f"{what}, over a bare loop"
            figures.append(Figure(name, middle, "x", text, 0.8, at_least=True, low=low, high=high))
    plot = Plot("Over HTTP", "", "thousand a CPU second", bars=bars)
    note = (
        "CPU time of the client's whole process, as with WebSocket. The bare loops are of httpx2, "
        "its `EventSource` and its `get`, and decode each event or answer with "
        "`msgspec.json.decode`; what they decode they throw away. An answer has "
        f"{ANSWER} events; both sides wait {1e3 * INTERVAL_S:g} ms between two questions."
    )
    return Outcome("Events over HTTP into columns", figures, [plot], note)


async def _listen(url: str) -> None:
    from httpx2 import AsyncClient, EventSource

    left = EVENTS
    async with AsyncClient(trust_env=False) as client, client.stream("GET", url) as response:
        async for event in EventSource(response):
            _decode(event.data)
            left -= 1
            if not left:
                return


async def _ask(url: str) -> None:
    from httpx2 import AsyncClient

    async with AsyncClient(trust_env=False) as client:
        for _ in range(POLLS):
            _decode((await client.get(url)).content)
            await asyncio.sleep(INTERVAL_S)


def _stream(url: str) -> None:
    source = SseSource(url, proxy=False, reconnect=False, fields=FIELDS, needs=FIELDS[1:])
    fill(source, EVENTS, **WANTED)


def _poll(url: str) -> None:
    source = PollSource(url, interval=INTERVAL_S, proxy=False, fields=FIELDS, needs=FIELDS[1:])
    fill(source, POLLS * ANSWER, **WANTED)


_STREAM = {"bare": lambda url: asyncio.run(_listen(url)), "livewidget": _stream}
_POLLS = {"bare": lambda url: asyncio.run(_ask(url)), "livewidget": _poll}
