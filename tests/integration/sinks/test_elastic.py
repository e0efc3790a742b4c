"""The Elasticsearch sink: a real server that is cut off and killed, and one that is busy."""

import base64
import gzip
import json

import pytest

from livewidget import DataStreamer, Schema
from livewidget.data.batch import Batch
from livewidget.data.errors import RejectedError, SettingError, SinkError
from livewidget.sinks.elastic import ElasticSink
from livewidget.testing import ElasticServer, FaultProxy, HttpServer, wait_until

SECRET = "a-very-secret-word"
TICKS = Schema.of({"time": "time", "n": "int", "price": "float", "symbol": "text"}, "time")


def ticks(first, stop):
    numbers = range(first, stop)
    return {
        "time": [1.7e9 + n for n in numbers],
        "n": list(numbers),
        "price": [n / 4 for n in numbers],
        "symbol": [f"S{n % 3}" for n in numbers],
    }


def batch(first, stop):
    return Batch.of(ticks(first, stop), TICKS)


@pytest.fixture(scope="module")
def server():
    if not ElasticServer.is_available():
        pytest.skip("noida-db, the server of Elasticsearch's protocol, is not installed")
    with ElasticServer() as server:
        yield server


@pytest.fixture
def index(server):
    """The name of an index of the test's own."""
    server.ask("DELETE", "/rows")
    return "rows"


def documents(server, index="rows"):
    """What is in an index, by `_id`."""
    server.ask("POST", f"/{index}/_refresh")
    hits = server.ask("POST", f"/{index}/_search", {"size": 10_000})["hits"]["hits"]
    return {hit["_id"]: hit["_source"] for hit in hits}


@pytest.mark.parametrize("compress", [True, False])
@pytest.mark.parametrize("action", ["index", "create"])
async def test_what_comes_again_is_not_doubled(server, index, compress, action):
    sink = ElasticSink(
        f"{server.url}/{index}", run="a", compress=compress, action=action, max_bytes=300
    )
    async with sink:
        await sink.write_from(batch(0, 10), 0)
        await sink.write_from(batch(5, 15), 5)
    found = documents(server)
    assert {name: each["n"] for name, each in found.items()} == {f"a-{n}": n for n in range(15)}
    assert found["a-1"] == {
        "time": "2023-11-14T22:13:21.000000000Z",
        "n": 1,
        "price": 0.25,
        "symbol": "S1",
    }


@pytest.mark.parametrize(("key", "name"), [("n", "7"), (("n", "symbol"), '[7,"S1"]')])
async def test_a_key_is_the_id(server, index, key, name):
    async with ElasticSink(f"{server.url}/{index}", key=key) as sink:
        await sink.write(batch(7, 8))
        await sink.write(batch(7, 9))
    assert len(documents(server)) == 2
    assert documents(server)[name]["n"] == 7


async def test_documents_that_are_refused_are_named_and_the_others_are_there(server, index):
    schema = Schema.of({"time": "time", "n": "text"}, "time")
    async with ElasticSink(f"{server.url}/{index}", key="time", times="ns") as sink:
        await sink.write(batch(0, 1))
        rows = Batch.of({"time": [1, 2, 3], "n": ["7", "seven", "8"]}, schema)
        with pytest.raises(RejectedError, match=r"document_parsing_exception: .*\[n\]") as refused:
            await sink.write(rows)
    assert refused.value.rows == [1]
    assert len(documents(server)) == 3


def test_cut_off_in_mid_stream_nothing_is_lost_or_doubled(server, index):
    with FaultProxy(server.port) as proxy:
        streamer = DataStreamer(schema=TICKS)
        try:
            to = f"elastic://127.0.0.1:{proxy.port}/{index}"
            output = streamer.send_to(ElasticSink(to), batch_rows=500)
            for part in range(8):
                proxy.cut_after(1 + 20 * part)  # the answer is lost, or in two pieces
                streamer.push(ticks(part * 1_000, part * 1_000 + 1_000))
                wait_until(lambda: output.written > 0, 30)
            wait_until(lambda: output.written == 8_000, 30)
        finally:
            streamer.stop()
    assert sorted(each["n"] for each in documents(server).values()) == [*range(8_000)]
    assert output.retried > 0


def test_killed_in_mid_stream_all_that_it_had_not_taken_comes(server, index):
    streamer = DataStreamer(schema=TICKS)
    try:
        output = streamer.send_to(ElasticSink(f"{server.url}/{index}"), batch_rows=500)
        streamer.push(ticks(0, 2_000))
        wait_until(lambda: output.written == 2_000)
        assert len(documents(server)) == 2_000
        server.kill()
        streamer.push(ticks(2_000, 6_000))
        wait_until(lambda: output.error)
        server.start()
        wait_until(lambda: output.written == 6_000, 30)
    finally:
        streamer.stop()
        server.start()
    assert sorted(each["n"] for each in documents(server).values()) == [*range(2_000, 6_000)]
    assert output.rejected == output.dropped == 0


class Answers:
    """A server whose bulk requests are answered by what the test says."""

    def __init__(self, server):
        self.url, self.got, self.queue = server.url.replace("http", "elastic"), [], []
        server.posts["/rows/_bulk"] = self.answer

    def answer(self, headers, body):
        lines = gzip.decompress(body).splitlines()
        self.got.append((headers, [json.loads(line)["n"] for line in lines[1::2]]))
        given = self.queue.pop(0) if self.queue else 201
        if isinstance(given, tuple):
            return given
        statuses = [given] * (len(lines) // 2) if isinstance(given, int) else given
        items = [
            {"index": {"status": it, "error": {"type": "t", "reason": "r"}}} for it in statuses
        ]
        return 200, {"errors": any(it >= 300 for it in statuses), "items": items}


@pytest.fixture
def answers():
    with HttpServer() as server:
        yield Answers(server)


async def test_what_is_too_busy_is_tried_again_as_a_whole(answers):
    answers.queue = [[201, 429, 400], (503, {})]
    async with ElasticSink(f"{answers.url}/rows") as sink:
        with pytest.raises(SinkError, match="1 of 3 rows wait: t: r") as raised:
            await sink.write(batch(0, 3))
        assert not isinstance(raised.value, RejectedError)
        with pytest.raises(SinkError, match="HTTP 503"):
            await sink.write(batch(0, 3))
        answers.queue = [[201, 201, 400]]
        with pytest.raises(RejectedError, match="t: r") as refused:
            await sink.write(batch(0, 3))
    assert refused.value.rows == [2]
    assert [numbers for _, numbers in answers.got] == [[0, 1, 2]] * 3


@pytest.mark.parametrize("status", [400, 413])
async def test_a_request_that_is_refused_as_a_whole_is_parted(answers, status):
    answers.queue = [(status, {}), 201, (status, {}), (status, {}), 201]
    async with ElasticSink(f"{answers.url}/rows") as sink:
        with pytest.raises(RejectedError, match=f"HTTP {status}") as refused:
            await sink.write(batch(0, 4))
    assert refused.value.rows == [2]
    assert [numbers for _, numbers in answers.got] == [[0, 1, 2, 3], [0, 1], [2, 3], [2], [3]]


@pytest.mark.parametrize("answer", [{}, [], {"errors": True, "items": []}, "text"])
async def test_an_answer_of_another_protocol_is_told(answers, answer):
    answers.queue = [(200, answer)]
    async with ElasticSink(f"{answers.url}/rows") as sink:
        with pytest.raises(SinkError, match="answers"):
            await sink.write(batch(0, 1))


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (
            {"user": "me", "password": SECRET},
            f"Basic {base64.b64encode(b'me:' + SECRET.encode()).decode()}",
        ),
        ({"api_key": SECRET}, f"ApiKey {SECRET}"),
    ],
)
async def test_credentials_are_sent_and_in_no_message(answers, options, expected):
    answers.queue = [201, (401, {})]
    async with ElasticSink(f"{answers.url}/rows", **options) as sink:
        await sink.write(batch(0, 1))
        with pytest.raises(SinkError, match="HTTP 401") as raised:
            await sink.write(batch(0, 1))
    (headers, _), _ = answers.got
    assert {name.lower(): it for name, it in headers.items()}["authorization"] == expected
    assert SECRET not in f"{raised.value}{sink!r}{sink.name}"


@pytest.mark.parametrize("to", ["elastic://host", "elastic://host/Rows"])
def test_a_url_without_a_proper_index_is_told(to):
    with pytest.raises(SettingError, match="names an index in lower case"):
        ElasticSink(to)
