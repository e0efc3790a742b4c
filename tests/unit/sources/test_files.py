import asyncio
import json
import os
import tracemalloc

import pytest

from livewidget.data.errors import SettingError, SourceError
from livewidget.data.events import State
from livewidget.sources import FileSource
from livewidget.testing import wait_for

QUICK = {"poll_s": 0.001}


def line(n):
    return json.dumps({"n": n}) + "\n"


def append(path, *numbers):
    with path.open("a") as file:
        file.write("".join(map(line, numbers)))


def states(outlet):
    return [(state, detail) for state, detail, _ in outlet.states]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "x.ndjson"


@pytest.fixture
def follow(running, outlet, path):
    def start(**options):
        source = FileSource(path, **QUICK | options)
        source.task = running(source, outlet)
        return source

    return start


async def test_what_is_appended_comes_and_what_was_there_does_not(path, follow, outlet):
    append(path, 1)
    source = follow()
    await wait_for(lambda: source.position is not None)
    append(path, 2, 3)
    await wait_for(lambda: outlet.column("n") == [2, 3])
    assert source.position == path.stat().st_size
    assert states(outlet) == [(State.LIVE, "x.ndjson")]


async def test_from_the_beginning_or_an_offset(path, follow, outlet):
    append(path, 1, 2, 3)
    follow(start="beginning")
    await wait_for(lambda: outlet.column("n") == [1, 2, 3])
    follow(start=len(line(1)))
    await wait_for(lambda: outlet.column("n") == [1, 2, 3, 2, 3])


async def test_one_goes_on_behind_a_position(path, follow, outlet):
    append(path, 1)
    first = follow(start="beginning")
    with path.open("a") as file:
        file.write('{"n":')
    await wait_for(lambda: first.position == len(line(1)))
    first.task.cancel()
    await asyncio.wait([first.task])
    with path.open("a") as file:
        file.write("2}\n")
    follow(start=first.position)
    await wait_for(lambda: outlet.column("n") == [1, 2])


async def test_a_file_that_is_not_there_is_waited_for_and_read_whole(path, follow, outlet):
    source = follow()
    await wait_for(lambda: outlet.states)
    assert states(outlet) == [(State.WAITING, "x.ndjson: it does not exist yet")]
    assert source.position is None
    append(path, 1)
    await wait_for(lambda: outlet.column("n") == [1])
    assert states(outlet)[1:] == [(State.LIVE, "x.ndjson")]


async def test_a_line_counts_when_its_end_is_there(path, follow, outlet):
    append(path, 1)
    source = follow(start="beginning")
    with path.open("a") as file:
        file.write('{"n": 2')
        file.flush()
        await wait_for(lambda: outlet.column("n") == [1])
        assert source.position == len(line(1))
        file.write("}\n")
    await wait_for(lambda: outlet.column("n") == [1, 2])
    assert outlet.rejected == []


async def test_the_line_under_way_at_the_end_is_read_whole(path, follow, outlet):
    path.write_text(line(1) + '{"n":')
    source = follow(start="end")
    await wait_for(lambda: source.position == len(line(1)))
    with path.open("a") as file:
        file.write(" 2}\n")
    await wait_for(lambda: outlet.column("n") == [2])


async def test_a_renamed_file_is_finished_before_the_next(path, follow, outlet):
    append(path, 1)
    follow(start="beginning")
    await wait_for(lambda: outlet.column("n") == [1])
    with path.open("a") as writer:
        path.rename(path.with_name("x.ndjson.1"))
        path.touch()
        writer.write(line(2))
        writer.flush()
        await wait_for(lambda: outlet.column("n") == [1, 2])
        writer.write('{"n": 3}')  # its last line, without an end
    append(path, 4)
    await wait_for(lambda: outlet.column("n") == [1, 2, 3, 4])
    assert (outlet.gaps, outlet.rejected) == ([], [])


async def test_files_that_came_and_went_between_two_looks_are_found(path, running, outlet, clock):
    source = FileSource(path, clock=clock, start="beginning")
    running(source, outlet)
    append(path, 1)
    await wait_for(lambda: clock.sleepers)
    clock.advance(1)
    await wait_for(lambda: outlet.column("n") == [1] and clock.sleepers)
    unrelated = [path.with_name("x.ndjson.pos"), path.with_name("x.ndjson.2.gz")]
    for each in unrelated:
        append(each, -1)
    for n in (2, 3):
        for old in (2, 1):
            before = path.with_name(f"x.ndjson.{old}")
            if before.exists():
                before.rename(path.with_name(f"x.ndjson.{old + 1}"))
        path.rename(path.with_name("x.ndjson.1"))
        append(path, n)
        os.utime(path, ns=(0, path.stat().st_mtime_ns + n * 10**9))
    for _ in range(3):
        await wait_for(lambda: clock.sleepers)
        clock.advance(1)
    await wait_for(lambda: outlet.column("n") == [1, 2, 3])


@pytest.mark.parametrize("regrown", [0, 1, 500])
async def test_a_truncated_file_is_read_anew_behind_a_gap(path, running, outlet, clock, regrown):
    append(path, *range(100))
    running(FileSource(path, clock=clock, start="beginning"), outlet)
    await wait_for(lambda: len(outlet.column("n")) == 100 and clock.sleepers)
    path.write_text("".join(line(1_000 + n) for n in range(regrown)))  # the same inode
    clock.advance(1)
    await wait_for(lambda: clock.sleepers)
    append(path, 7)
    clock.advance(1)
    await wait_for(lambda: outlet.column("n")[-1:] == [7])
    assert outlet.column("n")[100:] == [*range(1_000, 1_000 + regrown), 7]
    assert outlet.gaps == [(None, None, "the file was truncated")]


async def test_a_deleted_file_is_said_and_the_next_is_read_whole(path, follow, outlet):
    append(path, 1)
    follow(start="beginning")
    await wait_for(lambda: outlet.column("n") == [1])
    path.unlink()
    await wait_for(lambda: states(outlet)[-1] == (State.WAITING, "x.ndjson: it is gone"))
    append(path, 2)
    await wait_for(lambda: outlet.column("n") == [1, 2])
    assert states(outlet)[-1][0] is State.LIVE


async def test_a_file_that_may_not_be_read_is_waited_for_or_fails(
    path, follow, outlet, monkeypatch
):
    append(path, 1)
    real, refused = FileSource._look, [True]

    def look(self, tail):
        if refused:
            monkeypatch.setattr("livewidget.sources.tail.FileIO", _refuse)
        else:
            monkeypatch.undo()
        return real(self, tail)

    monkeypatch.setattr(FileSource, "_look", look)
    with pytest.raises(SourceError, match=r"x\.ndjson: permission denied"):
        await follow(follow=False).task
    follow(start="beginning")
    await wait_for(lambda: states(outlet))
    assert states(outlet) == [(State.WAITING, "x.ndjson: permission denied")]
    refused.clear()
    await wait_for(lambda: outlet.column("n") == [1])


def _refuse(path):
    raise PermissionError(13, "Permission denied", str(path))


@pytest.mark.parametrize("make", ["mkdir", "fifo"])
async def test_what_is_no_file_fails_at_once(path, follow, make):
    if make == "fifo" and not hasattr(os, "mkfifo"):
        pytest.skip("this system has no named pipes")
    path.mkdir() if make == "mkdir" else os.mkfifo(path)
    with pytest.raises(SourceError, match="is no regular file"):
        await follow().task


async def test_without_following_it_ends_with_the_file(path, follow, outlet):
    path.write_text(line(1) + "\n \n" + '{"n": 2}')
    source = follow(follow=False)
    await source.task
    assert outlet.column("n") == [1, 2]
    assert source.position == path.stat().st_size
    path.unlink()
    with pytest.raises(SourceError, match=r"x\.ndjson: no such file"):
        await follow(follow=False).task


async def test_bad_lines_are_rejected_one_by_one(path, follow, outlet):
    path.write_bytes(b'\xef\xbb\xbf{"n": 1}\r\n{oops\n\xff\xfe\n{"n": 2}\n' + b"x" * 99 + b"\n{}\n")
    await follow(follow=False, max_bytes=50).task
    assert outlet.column("n") == [1, 2]
    payloads = [payload for payload, _ in outlet.rejected]
    assert sorted(payloads, key=str) == sorted([b"{oops", b"\xff\xfe", b"x" * 99, {}], key=str)


async def test_a_line_without_end_takes_no_memory(path, follow, outlet):
    with path.open("wb") as file:
        for _ in range(64):
            file.write(b"x" * (1 << 20))
        file.write(b"\n" + line(1).encode())
    tracemalloc.start()
    try:
        await follow(follow=False, max_bytes=10_000).task
        assert tracemalloc.get_traced_memory()[1] < 4 << 20
    finally:
        tracemalloc.stop()
    assert outlet.column("n") == [1]
    assert [reason for _, reason in outlet.rejected] == ["a line of more than 10000 bytes"]


async def test_pressure_holds_the_reading_back(path, follow, outlet):
    append(path, *range(100_000))
    outlet.hold()
    source = follow(follow=False)
    await wait_for(lambda: outlet.data)
    assert source.position <= 300_000
    outlet.release()
    await source.task
    assert outlet.column("n") == list(range(100_000))


async def test_text_is_one_column(tmp_path, running, outlet):
    path = tmp_path / "app.log"
    path.write_bytes(b"INFO one\n\n12\n\xff\n")
    await running(FileSource(path, follow=False), outlet)
    assert outlet.column("line") == ["INFO one", "", "12"]
    assert outlet.rejected == [(b"\xff", "not UTF-8: invalid start byte")]


async def test_csv_goes_by_the_header_of_each_file(tmp_path, running, outlet):
    path = tmp_path / "x.csv"
    path.write_text("a,b\n1,2\n")
    source = FileSource(path, **QUICK)
    running(source, outlet)
    await wait_for(lambda: source.position == 8)
    with path.open("a") as file:
        file.write("3,4\n")
    await wait_for(lambda: outlet.column("b") == [4])
    path.rename(tmp_path / "x.csv.1")
    path.write_text("b,a\n5,6\n")
    await wait_for(lambda: outlet.column("b") == [4, 5])
    path.write_text("b\n7\n")
    await wait_for(lambda: outlet.column("b") == [4, 5, 7])
    assert outlet.column("a") == [3, 6, None]


async def test_one_bad_line_of_csv_takes_no_other_with_it(tmp_path, running, outlet):
    path = tmp_path / "x.csv"
    good = [b"%d,b" % n for n in range(1_000)]
    bad = [b"1,2,3", b"1,\xff", b'1,"open', b'"a"b,c', b""]
    path.write_bytes(b"\n".join([b"n,key", *good[:500], *bad, *good[500:]]))
    await running(FileSource(path, follow=False), outlet)
    assert outlet.column("n") == list(range(1_000))
    assert len(outlet.rejected) == 4  # the empty one is no line


async def test_csv_of_a_header_without_end_waits_for_it(tmp_path, running, outlet):
    path = tmp_path / "x.csv"
    path.write_text("a,")
    source = FileSource(path, **QUICK)
    running(source, outlet)
    await wait_for(lambda: source.position == 0)
    with path.open("a") as file:
        file.write("b\n1,2\n")
    await wait_for(lambda: outlet.column("b") == [2])


async def test_a_decoder_of_ones_own_gets_the_lines(path, follow, outlet):
    class Numbers:
        def decode(self, messages):
            from livewidget.codecs.base import Decoded

            return Decoded({"n": [int(each) for each in messages]}, len(messages))

    path.write_text("1\n2\n")
    await follow(follow=False, format=Numbers()).task
    assert outlet.column("n") == [1, 2]


async def test_a_start_behind_the_end_is_a_gap(path, follow, outlet):
    append(path, 1)
    follow(start=1_000)
    await wait_for(lambda: outlet.column("n") == [1])
    assert outlet.gaps == [(None, None, "the file is shorter than where to start")]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"start": -1}, "start is 'end'"),
        ({"start": "middle"}, "'middle'"),
        ({"start": True}, "True"),
        ({"poll_s": 0}, "poll_s is a number of seconds"),
        ({"max_bytes": 0}, "max_bytes"),
        ({"max_bytes": "1 MB"}, "max_bytes"),
        ({"format": "xml"}, "'csv', 'text' or a Decoder, got 'xml'"),
    ],
)
def test_an_impossible_setting_is_refused(options, said):
    with pytest.raises(SettingError, match=said):
        FileSource("x.ndjson", **options)


async def test_a_url_tells_the_options(path, running, outlet):
    append(path, 1, 2)
    url = path.as_uri() + f"?follow=false&start={len(line(1))}&format=ndjson"
    await running(FileSource(url), outlet)
    assert outlet.column("n") == [2]


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("file://elsewhere/x.log", "'elsewhere'"),
        ("file:", "names no file"),
        ("file:///x.log?folow=false", "no option 'folow'"),
        ("file:///x.log?follow=maybe", "follow cannot be 'maybe'"),
        ("file:///x.log?max_bytes=many", "max_bytes cannot be 'many'"),
    ],
)
def test_a_bad_url_is_refused(url, said):
    with pytest.raises(SettingError, match=said):
        FileSource(url)
