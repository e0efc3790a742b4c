"""What windows give, row by row in plain Python over the whole history: slow and readable."""

from __future__ import annotations

from dataclasses import dataclass, field

EARLY, FINAL, CORRECTION = "early", "final", "correction"


@dataclass
class Settings:
    size: int = 0
    slide: int = 0
    gap: int = 0
    rows: int = 0
    origin: int = 0
    wait: int = 0
    lateness: int = 0
    early: int = 0
    ordered: bool = False


@dataclass
class Twin:
    """Rows are (time, key, value). `out` has (what, time, start, end, key, values)."""

    s: Settings
    out: list = field(default_factory=list)
    late: int = 0
    top: int | None = None
    born: dict = field(default_factory=dict)
    changed: set = field(default_factory=set)

    def run(self, rows):
        for row in rows:
            self.one(row)
        self.end()
        return self.out

    def one(self, row):
        before = None if self.top is None else self.top - self.s.wait
        top = row[0] if self.top is None else max(self.top, row[0])
        self.close(top - self.s.wait)
        early = self.s.early
        if early and self.top is not None and top // early != self.top // early:
            self.tell_early(top // early * early)
            self.changed = set()
        self.top = top
        self.take(row, before)

    def tell(self, what, start, end, key, rows, at=None):
        at = end if at is None else min(at, end)
        values = [value for _, value in sorted(rows, key=lambda row: row[0])]
        self.out.append((what, at, start, end, key, values))

    def note(self, key):
        self.born.setdefault(key, len(self.born))
        self.changed.add(key)


@dataclass
class Timed(Twin):
    windows: dict = field(default_factory=dict)  # of (number, key): rows
    closed: set = field(default_factory=set)
    held: list = field(default_factory=list)

    def span(self, number):
        start = self.s.origin + number * self.s.slide
        return start, start + self.s.size

    def numbers(self, time):
        last = (time - self.s.origin) // self.s.slide
        first = last
        while self.span(first - 1)[1] > time:
            first -= 1
        return range(first, last + 1)

    def take(self, row, before):
        time = row[0]
        if self.s.ordered:
            if before is not None and time < before:
                self.late += 1
            else:
                self.held.append(row)
                self.feed(self.top - self.s.wait)
            return
        ends = {number: self.span(number)[1] for number in self.numbers(time)}
        kept = [n for n, end in ends.items() if before is None or end + self.s.lateness > before]
        if not kept:
            self.late += 1
            return
        self.add(row, kept)
        for number in kept:
            if before is not None and ends[number] <= before:
                self.closed.add((number, row[1]))
                rows = self.windows[number, row[1]]
                self.tell(CORRECTION, *self.span(number), row[1], rows)

    def add(self, row, numbers):
        time, key, value = row
        self.note(key)
        for number in numbers:
            self.windows.setdefault((number, key), []).append((time, value))

    def feed(self, watermark):
        due = [row for row in self.held if watermark is None or row[0] <= watermark]
        self.held = [row for row in self.held if watermark is not None and row[0] > watermark]
        for row in sorted(due, key=lambda row: row[0]):
            self.add(row, self.numbers(row[0]))

    def close(self, watermark):
        if self.s.ordered:
            self.feed(watermark)
        self.close_all([w for w in self.windows if self.span(w[0])[1] <= watermark])

    def close_all(self, windows):
        for number, key in sorted(windows, key=lambda w: (w[0], self.born[w[1]])):
            if (number, key) not in self.closed:
                self.closed.add((number, key))
                self.tell(FINAL, *self.span(number), key, self.windows[number, key])

    def tell_early(self, at):
        there = [w for w in self.windows if w not in self.closed]
        if self.s.slide < self.s.size and there:
            following = min(number for number, _ in there)
            there = [w for w in there if w[0] == following]
        for number, key in sorted(there, key=lambda w: (w[0], self.born[w[1]])):
            if key in self.changed:
                self.tell(EARLY, *self.span(number), key, self.windows[number, key], at)

    def end(self):
        if self.s.ordered:
            self.feed(None)
        self.close_all(list(self.windows))


@dataclass
class Session:
    key: object
    rows: list
    told: bool = False
    done: bool = False

    @property
    def first(self):
        return min(time for time, _ in self.rows)

    @property
    def last(self):
        return max(time for time, _ in self.rows)


@dataclass
class Sessions(Twin):
    sessions: list = field(default_factory=list)

    def touches(self, session, key, time):
        gap = self.s.gap
        return session.key == key and session.first - gap < time < session.last + gap

    def take(self, row, before):
        time, key, value = row
        gap, lateness = self.s.gap, self.s.lateness
        if before is not None:
            self.sessions = [
                each
                for each in self.sessions
                if not each.done or each.last + gap + lateness > before
            ]
        self.note(key)
        mine = [each for each in self.sessions if self.touches(each, key, time)]
        rows = [*(row for each in mine for row in each.rows), (time, value)]
        whole = Session(key, rows, any(each.told for each in mine))
        end = whole.last + gap
        if before is not None and end <= before:
            if not lateness or end + lateness <= before:
                self.late += 1
                return
            whole.told = whole.done = True
            self.tell(CORRECTION, whole.first, end, key, whole.rows)
        self.sessions = [each for each in self.sessions if each not in mine] + [whole]

    def close(self, watermark):
        self.close_all([s for s in self.sessions if s.last + self.s.gap <= watermark])

    def close_all(self, sessions):
        for each in sorted(sessions, key=lambda s: (s.last, self.born[s.key])):
            if not each.done:
                what = CORRECTION if each.told else FINAL
                self.tell(what, each.first, each.last + self.s.gap, each.key, each.rows)
                each.done = each.told = True

    def tell_early(self, at):
        there = [s for s in self.sessions if not s.done and s.key in self.changed]
        for each in sorted(there, key=lambda s: (s.last, self.born[s.key])):
            self.tell(EARLY, each.first, each.last + self.s.gap, each.key, each.rows, at)

    def end(self):
        self.close_all(self.sessions)


@dataclass
class Counted(Twin):
    history: dict = field(default_factory=dict)

    def take(self, row, before):
        time, key, value = row
        self.note(key)
        rows = self.history.setdefault(key, [])
        rows.append((time, value))
        over = len(rows) - self.s.rows
        if over >= 0 and over % self.s.slide == 0:
            self.tell_rows(key, rows[over:])

    def tell_rows(self, key, rows):
        self.tell(FINAL, rows[0][0], rows[-1][0], key, rows)

    def close(self, watermark):
        pass

    def end(self):
        left = []
        for key, rows in self.history.items():
            first = max(0, (len(rows) - self.s.rows) // self.s.slide + 1) * self.s.slide
            left += [
                (rows[-1][0], self.born[key], at, key)
                for at in range(first, len(rows), self.s.slide)
            ]
        for _, _, at, key in sorted(left, key=lambda each: each[:3]):
            self.tell_rows(key, self.history[key][at:])
