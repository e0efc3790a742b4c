"""One memory budget over all buffers of a process, shared by max-min fairness."""

from __future__ import annotations

import itertools
import os
import re
import threading
import weakref
from collections import deque
from collections.abc import Callable, Sequence
from inspect import ismethod
from pathlib import Path
from weakref import WeakMethod

import psutil

from livewidget.data.errors import SettingError, quote

VARIABLE = "LIVEWIDGET_MEMORY"  # environment variable: bytes, or such as "512MB" or "2GiB"
_MB = 2**20
_LEAST_BYTES = 64 * _MB  # less holds no minute of a busy stream
_MOST_BYTES = 8192 * _MB  # more is asked for by name: a notebook is seldom alone on a machine
_CONTROL_GROUPS = Path("/sys/fs/cgroup")
_LIMITS = ("memory.max", "memory/memory.limit_in_bytes")  # of control groups 2 and 1
_HEADROOM = 8  # an eighth more than was asked for is set aside
_SLACK = 2  # what falls below half of what is set aside gives back
OnChange = Callable[[int], None]


def fair_shares(total: int, claims: Sequence[int]) -> list[int]:
    """Return what each claim gets of `total` bytes by max-min fairness, in their order.

    Who claims less than an equal share gets the claim; what is left is split equally among the
    others (progressive filling: Bertsekas and Gallager, Data Networks, 1992, section 6.5.2). The
    sum never passes `total`; up to one byte for each claim is left over.
    """
    shares = [0] * len(claims)
    left = total
    for rank, place in enumerate(sorted(range(len(claims)), key=claims.__getitem__)):
        shares[place] = min(claims[place], left // (len(claims) - rank))
        left -= shares[place]
    return shares


class Budget:
    """Bytes that the buffers of a process may use together; each `Member` has its allowance.

    The allowances never come to more than `max_bytes`. They are those of `fair_shares` over what
    the members claim, and are made anew where a member joins or leaves, where `max_bytes` is set,
    and where what a member reports leaves the band that its claim stands for. Any thread may call
    anything here. Raises SettingError where `max_bytes` is no whole number from 1 up.
    """

    _process: Budget | None = None
    _process_lock = threading.Lock()

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = _checked("max_bytes", max_bytes, 1)
        self._seats: dict[int, weakref.ref[Member]] = {}
        self._gone: deque[int] = deque()  # members that were dropped: noted without a lock
        self._lock = threading.Lock()

    @classmethod
    def shared(cls) -> Budget:
        """Return the process's own: `LIVEWIDGET_MEMORY`, else `default_bytes()`."""
        with cls._process_lock:
            if cls._process is None:
                named = os.environ.get(VARIABLE)
                cls._process = cls(
                    default_bytes() if named is None else parse_bytes(named, VARIABLE)
                )
            return cls._process

    @property
    def max_bytes(self) -> int:
        """Bytes that all members may use together. Setting it tells those whom it changes."""
        return self._max_bytes

    @max_bytes.setter
    def max_bytes(self, value: int) -> None:
        value = _checked("max_bytes", value, 1)
        with self._lock:
            self._max_bytes = value
            changed = self._share()
        _tell(changed)

    @property
    def stale(self) -> bool:
        """Whether a member was dropped whose part has not been shared out: a report does that."""
        return bool(self._gone)

    @property
    def allowed(self) -> int:
        """Bytes of all allowances together, `max_bytes` at most."""
        return sum(member.allowance for member in self.members())

    def members(self) -> list[Member]:
        """Return who shares it now, in the order in which they joined."""
        with self._lock:
            return self._alive()

    def join(
        self,
        name: str,
        *,
        wants: int = 0,
        own_most: int | None = None,
        on_change: OnChange | None = None,
    ) -> Member:
        """Return a new member, which its owner keeps: one that is dropped has left.

        `name` is for people, several may have the same. `wants` is what the owner would use now,
        `own_most` what it would never pass, in bytes. `on_change` hears each new allowance other
        than the first, in the thread whose call changed it, with no lock of the budget held; a
        bound method is held weakly, so that owner and member make no cycle. Call `join`, `report`
        and `leave` with no lock of your own held that an `on_change` may wait for.
        """
        most = None if own_most is None else _checked("own_most", own_most, 1)
        member = Member(self, name, _checked("wants", wants, 0), most, on_change)
        gone, seat = self._gone, member.seat
        with self._lock:
            self._seats[seat] = weakref.ref(member, lambda _: gone.append(seat))
            changed = self._share()
        member.born()
        _tell(changed)
        return member

    def settle(self, member: Member, claim: int | None) -> None:
        """Take a member's new claim, None where it leaves; for `Member` alone to call."""
        with self._lock:
            if claim is None:
                self._seats.pop(member.seat, None)
                member.claim = member.allowance = 0
            elif member.seat in self._seats:
                member.claim = claim
            changed = self._share()
        _tell(changed)

    def _alive(self) -> list[Member]:
        """Return the members, those that were dropped left out. Under the lock."""
        found = (each() for each in self._seats.values())
        return [member for member in found if member is not None]

    def _share(self) -> list[Member]:
        """Give every member its share; return those whose it changes, who shrink first.

        The dead are cleared here and not as they die: that may be at any line of any thread,
        in the garbage collector, where no lock can be waited for.
        """
        while self._gone:
            self._seats.pop(self._gone.popleft(), None)
        members = self._alive()
        shares = fair_shares(self._max_bytes, [member.claim for member in members])
        changed: list[tuple[int, Member]] = []
        for member, share in zip(members, shares, strict=True):
            if share != member.allowance:
                changed.append((share - member.allowance, member))
                member.allowance = share
        return [member for _, member in sorted(changed, key=lambda each: each[0])]


class Member:
    """One buffer's part in a budget; made by `Budget.join`, kept by the buffer.

    `allowance` is what it may use now, `claim` what is set aside for it where there is enough, in
    bytes. Between two reports the claim stays while the wants lie between half of it and all of
    it, so that a buffer that grows row by row, or breathes, moves nobody.
    """

    _next_seat = itertools.count()

    def __init__(
        self,
        budget: Budget,
        name: str,
        wants: int,
        own_most: int | None,
        on_change: OnChange | None,
    ) -> None:
        self.name = name
        self.own_most = own_most
        self.wants = wants
        self.seat = next(self._next_seat)
        self.allowance = 0
        self.claim = self._claimed(wants)
        self._budget = budget
        self._on_change = WeakMethod(on_change) if ismethod(on_change) else lambda: on_change
        self._telling = False
        self._told = 0
        self._lock = threading.Lock()

    def report(self, wants: int) -> int:
        """Say what the owner would use, in bytes; return the allowance that comes of it.

        Nearly free where it changes nothing. Raises SettingError for what is no whole number.
        """
        self.wants = _checked("wants", wants, 0)
        needs = wants if self.own_most is None else min(wants, self.own_most)
        if self._budget.stale or not needs <= self.claim <= needs * _SLACK:
            self._budget.settle(self, self._claimed(wants))
        return self.allowance

    def leave(self) -> None:
        """Give back everything, and hear nothing more; a second time does nothing."""
        self._on_change = lambda: None
        self._budget.settle(self, None)

    def born(self) -> None:
        """Take the first allowance for known."""
        self._told = self.allowance

    def tell(self) -> None:
        """Call `on_change` until it has heard the allowance that is; one thread at a time.

        Two threads that told what each had computed could end with the older one.
        """
        while True:
            with self._lock:
                if self._telling or self._told == self.allowance:
                    return
                self._telling, self._told = True, self.allowance
                allowance = self._told
            try:
                if (on_change := self._on_change()) is not None:
                    on_change(allowance)
            finally:
                self._telling = False

    def _claimed(self, wants: int) -> int:
        claim = wants + wants // _HEADROOM
        return claim if self.own_most is None else min(claim, self.own_most)


def default_bytes() -> int:
    """Return a quarter of the memory this process can have, but 64 MiB to 8 GiB.

    That is the machine's, or the control group's where that is less, as in a container.
    """
    total = psutil.virtual_memory().total
    for name in _LIMITS:
        try:
            text = (_CONTROL_GROUPS / name).read_text().strip()
        except OSError:
            continue
        if text.isdecimal():
            total = min(total, int(text))
    return max(_LEAST_BYTES, min(total // 4, _MOST_BYTES))


def parse_bytes(text: str, name: str) -> int:
    """Return bytes from text such as "512MB", "2 GiB" or "1000000".

    Raises SettingError that names the setting `name` and the value.
    """
    found = re.fullmatch(r"\s*(\d{1,18})\s*(?:([kmgt])(i?))?b?\s*", text, re.IGNORECASE)
    if found is None or not int(found[1]):
        raise SettingError(
            f"{name} is bytes, such as 500000000, '512MB' or '2GiB'; got {quote(text)}"
        )
    power = "kmgt".index(found[2].lower()) + 1 if found[2] else 0
    unit: int = (1024 if found[3] else 1000) ** power
    return int(found[1]) * unit


def _tell(changed: Sequence[Member]) -> None:
    for member in changed:
        member.tell()


def _checked(name: str, value: object, least: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise SettingError(f"{name} is a whole number of bytes from {least} up, got {quote(value)}")
    return value
