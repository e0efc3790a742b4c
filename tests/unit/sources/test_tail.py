"""The reader of growing files, against a plain account of what was written where."""

import itertools
import os
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from livewidget.sources import tail
from livewidget.sources.tail import Tail

GAP = object()

steps = st.lists(
    st.one_of(
        st.tuples(st.just("write"), st.integers(1, 5)),
        st.sampled_from(
            [
                ("half", 0),
                ("look", 0),
                ("rotate", 0),
                ("lag", 0),
                ("truncate", 0),
                ("replace", 0),
                ("close", 0),
            ]
        ),
    ),
    max_size=40,
)


class Log:
    """A writer of numbered lines, one open file at a time, and what became of each number."""

    def __init__(self, folder):
        self.path = Path(folder) / "x.log"
        self.tail = Tail(self.path, start="beginning", follow=True, header=False, max_bytes=100)
        self.events = []
        self.torn = set()  # numbers whose line was cut in two
        self.clock = itertools.count(10**18, 10**9)
        self.numbers = itertools.count()
        self.half = None
        self.begin()
        self.look()

    def begin(self):
        self.file = self.path.open("ab", buffering=0)
        self.stamp()

    def put(self, data):
        self.file.write(data)
        self.stamp()

    def stamp(self):
        """Two files of one instant cannot be told apart: each change has an instant of its own."""
        os.utime(self.file.fileno(), ns=(0, next(self.clock)))

    def write(self, count):
        if self.half is not None:
            self.put(b"!\n")
            self.half = None
        for _ in range(count):
            self.put(b"%d!\n" % next(self.numbers))

    def half_line(self):
        if self.half is None:
            self.half = next(self.numbers)
            self.put(b"%d" % self.half)

    def rotate(self):
        """As logrotate does: the older ones move up; now and then one is compressed."""
        for old in range(9, 0, -1):
            before = self.path.with_name(f"x.log.{old}")
            if before.exists():
                before.rename(self.path.with_name(f"x.log.{old + 1}"))
        self.path.rename(self.path.with_name("x.log.1"))
        self.tear()
        self.file.close()
        self.begin()

    def lag(self):
        """Rename, create and look before the writer knows: it writes on where it is."""
        self.look()
        self.path.rename(self.path.with_name("x.log.100"))
        self.path.touch()
        self.look()
        self.write(1)
        self.file.close()
        self.begin()

    def replace(self):
        """Delete the file and begin another, in sight of the reader."""
        self.look()
        self.path.unlink()
        self.tear()
        self.file.close()
        self.begin()
        self.write(1)
        self.look()  # a file closed before it is read may leave its inode to another

    def truncate(self):
        """As copytruncate does; a reader that never saw the file cannot know, so it does."""
        self.look()
        self.write(2)
        self.look()
        self.write(1)  # unseen
        self.tear()
        self.file.truncate(0)
        self.stamp()

    def tear(self):
        if self.half is not None:
            self.torn.add(self.half)
            self.half = None

    def look(self):
        while (reading := self.tail.read()).moved:
            if reading.gap:
                self.events.append(GAP)
            self.events += [int(line[:-1]) for line in reading.lines if line.endswith(b"!")]
            bare = {int(line) for line in reading.lines if not line.endswith(b"!")}
            assert bare <= self.torn
            assert not reading.rejected


@settings(max_examples=300, deadline=None)
@given(steps)
def test_every_line_comes_once_and_in_order_or_a_gap_stands_in_its_place(plan):
    with tempfile.TemporaryDirectory() as folder:
        log = Log(folder)
        try:
            for what, count in plan:
                if what == "write":
                    log.write(count)
                elif what == "half":
                    log.half_line()
                elif what == "close":
                    log.tail.close()
                else:
                    getattr(log, what)()
            log.write(1)
            log.look()
        finally:
            log.tail.close()
            log.file.close()
        total = next(log.numbers)
        seen = [each for each in log.events if each is not GAP]
        assert seen == sorted(set(seen))
        assert seen[-1] == total - 1
        excused = set(log.torn)
        for place, event in enumerate(log.events):
            if event is GAP:
                before = [each for each in log.events[:place] if each is not GAP]
                after = [each for each in log.events[place:] if each is not GAP]
                excused |= set(range(before[-1] + 1 if before else 0, after[0]))
        assert set(range(total)) - set(seen) <= excused


def test_a_renamed_file_that_may_not_be_read_is_a_gap(tmp_path, monkeypatch):
    log = Log(tmp_path)
    log.write(1)
    log.look()
    log.rotate()
    log.write(1)
    log.rotate()
    log.write(1)
    real = tail.FileIO

    def refuse(path):
        if Path(path).name == "x.log.1":
            raise PermissionError(13, "Permission denied")
        return real(path)

    monkeypatch.setattr(tail, "FileIO", refuse)
    log.look()
    log.write(1)
    log.look()
    log.tail.close()
    log.file.close()
    assert log.events == [0, GAP, 2, 3]


@given(st.lists(st.integers(0, 12)), st.integers(0, 40))
def test_from_any_line_on_the_position_leads_to_the_rest(lengths, cut):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.log"
        content = b"".join(b"x" * length + b"\n" for length in lengths)
        path.write_bytes(content[:cut])
        first = Tail(path, start="beginning", follow=True, header=False, max_bytes=100)
        seen = _lines(first)
        first.close()
        path.write_bytes(content)
        second = Tail(path, start=first.position, follow=False, header=False, max_bytes=100)
        seen += _lines(second)
        second.close()
        assert b"".join(line + b"\n" for line in seen) == content


def _lines(file):
    lines = []
    while (reading := file.read()).moved:
        lines += reading.lines
        if reading.ended:
            break
    return lines
