import asyncio
import csv
import gzip
import io

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livewidget import Schema
from livewidget.data.batch import Batch
from livewidget.data.errors import SettingError, SinkError
from livewidget.sinks import FileSink, sink_for


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


@pytest.mark.parametrize("name", ["t.csv", "t.jsonl"])
async def test_append_goes_on_behind_the_last_whole_line(tmp_path, name):
    path, once = tmp_path / name, tmp_path / f"once-{name}"
    for torn in (b"", b'170000000,"a\nb', b'"half a line, and ""more""\n\n'):
        if name.endswith("csv"):
            with path.open("ab") as file:
                file.write(torn)
        for number in (1, 2):
            async with FileSink(path, append=True) as sink:
                await sink.write(batch(number))
            with path.open("ab") as file:
                file.write(b'{"time":17' if name.endswith("jsonl") else b"17000")
    async with FileSink(path, append=True):
        pass
    async with FileSink(once) as sink:
        for _ in range(3):
            await sink.write(batch(1, 2))
    assert path.read_bytes() == once.read_bytes()


@settings(max_examples=100, deadline=None)
@given(
    names=st.lists(st.text(st.sampled_from('a"\n,é'), max_size=4), max_size=6),
    cut=st.integers(0, 80),
)
def test_a_table_that_was_cut_anywhere_keeps_its_whole_rows(tmp_path_factory, names, cut):
    schema = Schema.of({"time": "time", "name": "text"}, "time")
    path = tmp_path_factory.mktemp("cut") / "t.csv"
    rows = {"time": list(range(len(names))), "name": names}

    async def written(**options):
        async with FileSink(path, times="ns", **options) as sink:
            await sink.write(Batch.of(rows, schema))

    asyncio.run(written())
    data = path.read_bytes()
    path.write_bytes(data[:cut])
    asyncio.run(written(append=True))
    with path.open(newline="", encoding="utf-8") as file:
        head, *got = list(csv.reader(file))
    every = list(csv.reader(io.StringIO(data.decode(), newline="")))[1:]
    assert head == ["time", "name"]
    kept = len(got) - len(every)
    assert got == every[:kept] + every
    assert kept == len(every) or cut < len(data)


async def test_a_sink_that_failed_goes_on_without_doubles(tmp_path):
    path = tmp_path / "t.csv"
    path.write_bytes(b"what was there before")
    sink = FileSink(path, times="ns")
    await sink.open()
    await sink.write(batch(1))
    with path.open("ab") as file:
        file.write(b"half of what fai")
    await sink.close()
    await sink.open()
    await sink.write(batch(2))
    await sink.close()
    assert path.read_bytes() == b"time,n\n1700000001000000000,1.0\n1700000002000000000,2.0\n"


@pytest.mark.parametrize("name", ["t.msgpack", "t.csv.gz"])
def test_append_is_for_lines(name):
    with pytest.raises(SettingError, match="append is for formats of lines"):
        FileSink(name, append=True)


async def test_gzip_is_what_the_suffix_behind_says(tmp_path):
    path = tmp_path / "t.csv.gz"
    sink = sink_for(str(path), times="ns")
    async with sink:
        await sink.write(batch(1))
    with path.open("ab") as file:
        file.write(b"half of what fai")
    async with sink:
        await sink.write(batch(2))
    text = gzip.decompress(path.read_bytes())
    assert text == b"time,n\n1700000001000000000,1.0\n1700000002000000000,2.0\n"


async def test_a_table_of_other_columns_is_not_gone_on_with(tmp_path):
    path = tmp_path / "t.csv"
    path.write_bytes(b"time,m\n1,2\n")
    async with FileSink(path, append=True) as sink:
        with pytest.raises(SettingError, match=r"t\.csv has other columns"):
            await sink.write(batch(1))
    assert path.read_bytes() == b"time,m\n1,2\n"
