import msgspec
import pytest

from livewidget.data.batch import Batch
from livewidget.data.errors import SinkError
from livewidget.sinks import FileSink


def batch(*numbers):
    return Batch.of({"time": [1.7e9 + n for n in numbers], "n": list(numbers)})


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("t.csv", b"time,n\n1700000001000000000,1.0\n1700000002000000000,2.0\n"),
        (
            "t.ndjson",
            b'{"time":1700000001000000000,"n":1.0}\n{"time":1700000002000000000,"n":2.0}\n',
        ),
    ],
)
async def test_the_suffix_says_the_format(tmp_path, name, expected):
    path = tmp_path / name
    path.write_bytes(b"what was there before")
    async with FileSink(path, times="ns") as sink:
        await sink.write(batch(1))
        assert path.read_bytes() in expected, "each batch is on its way to the disk"
        await sink.write(batch(2))
    assert path.read_bytes() == expected


async def test_messagepack_maps_lie_behind_each_other(tmp_path):
    path = tmp_path / "t.msgpack"
    async with FileSink(path) as sink:
        await sink.write(batch(1))
        await sink.write(batch(2))
    one = msgspec.msgpack.encode({"time": "2023-11-14T22:13:21.000000000Z", "n": 1.0})
    assert path.read_bytes().startswith(one)
    assert len(path.read_bytes()) == 2 * len(one)


async def test_a_folder_that_is_not_there_is_named_in_one_line(tmp_path):
    with pytest.raises(SinkError, match=r"^t\.csv cannot be written: No such file"):
        await FileSink(tmp_path / "none" / "t.csv").open()


async def test_a_full_disk_is_told():
    sink = FileSink("/dev/full", format="json")
    try:
        await sink.open()
    except SinkError:
        pytest.skip("this system has no /dev/full")
    with pytest.raises(SinkError, match="No space left"):
        await sink.write(batch(1))
    await sink.close()
