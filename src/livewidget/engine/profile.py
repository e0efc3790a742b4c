"""Where the process's time goes now: samples of all its threads, folded into the stages.

They are taken by py-spy, from a process of its own: it stops no thread to look at it, and what it
costs is not in the picture. It tells threads that wait from those that run, C code included.
"""

from __future__ import annotations

import contextlib
import ctypes
import math
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from livewidget.data.errors import LivewidgetError, MissingExtraError, SettingError, quote

RATE_HZ = 100
LONGEST_S = 600.0
_GRACE_S = 30.0  # for py-spy to find its way in, and to write
OTHER = "other code"
# What lies in a package of ours is the work of that stage; the innermost package counts.
_STAGES = {
    "sources": "source",
    "codecs": "source",
    "pipeline": "pipeline",
    "sketches": "pipeline",
    "buffers": "buffer",
    "storage": "store",
    "sinks": "sink",
    "view": "frames",
    "wire": "frames",
    "widgets": "link",
    "monitor": "monitor",
    "engine": "engine",
    "resilience": "engine",
    "data": "engine",
}
_ENGINE = {  # of the engine's own modules, those that are one stage's
    "outputs": "sink",
    "archive": "store",
    "ahead": "store",
    "flow": "pipeline",
    "workers": "pipeline",
    "intake": "buffer",
    "buffer": "buffer",
    "session": "frames",
    "past": "frames",
    "transport": "link",
}
_PR_SET_PTRACER, _ANY = 0x59616D61, -1


class ProfileError(LivewidgetError):
    """The process could not be looked at: says why, and what allows it."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a profile: a stage, its part of all samples, and where most of them were."""

    stage: str
    share: float
    samples: int
    where: str


@dataclass(frozen=True, slots=True)
class Profile:
    """What threads were at in `seconds`, the largest part first. Threads that waited are not in it.

    `busy` is how many threads ran at a time, on average: 1.0 is one core's worth.
    """

    seconds: float
    samples: int
    busy: float
    lines: tuple[Line, ...]

    def __str__(self) -> str:
        rows = [
            f"{each.stage:<12} {each.share:6.1%}  {each.samples:>7,}  {each.where}"
            for each in self.lines
        ]
        head = f"{self.seconds:.3g} s, {self.samples:,} samples, {self.busy:.2f} threads at work"
        return "\n".join([head, f"{'stage':<12} {'part':>6}  {'samples':>7}  mostly in", *rows])


def profile(seconds: float = 5.0) -> Profile:
    """Return where the time goes in the next `seconds`, rounded up, of all threads. Blocks.

    Raises MissingExtraError without py-spy, SettingError for seconds that cannot be, ProfileError
    where the system does not let this process be looked at.
    """
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)):
        raise SettingError(f"seconds is a number, got {quote(seconds)}")
    if not (math.isfinite(seconds) and 0 < seconds <= LONGEST_S):
        raise SettingError(f"seconds is above 0 and at most {LONGEST_S:.0f}, got {seconds}")
    whole = math.ceil(seconds)  # py-spy knows no other
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "stacks.txt"
        _record(_py_spy(), whole, path)
        return fold(path.read_text(encoding="utf-8", errors="replace").splitlines(), whole)


def fold(stacks: Iterable[str], seconds: float) -> Profile:
    """Return the profile of stacks as `py-spy record --format raw` writes them.

    Each is frames joined by ";", the outermost first, a space and how often it was seen.
    """
    counts: Counter[str] = Counter()
    places: dict[str, Counter[str]] = {}
    for line in stacks:
        stack, _, told = line.rpartition(" ")
        if not told.isdecimal() or not stack:
            continue
        stage, where = _placed(stack.split(";"))
        counts[stage] += int(told)
        places.setdefault(stage, Counter())[where] += int(told)
    total = sum(counts.values())
    lines = tuple(
        Line(stage, count / total, count, places[stage].most_common(1)[0][0])
        for stage, count in counts.most_common()
    )
    return Profile(seconds, total, total / (seconds * RATE_HZ), lines)


def _placed(frames: list[str]) -> tuple[str, str]:
    """Return the stage of a stack, and its innermost frame there: "function (file)"."""
    for frame in reversed(frames):
        function, _, rest = frame.partition(" (")
        path = rest.rsplit(":", 1)[0].removesuffix(")").replace("\\", "/")
        parts = path.split("/")
        if "livewidget" not in parts[:-1]:
            continue
        inside = parts[len(parts) - parts[::-1].index("livewidget") :]
        module = inside[-1].removesuffix(".py")
        stage = _STAGES.get(inside[0], OTHER) if len(inside) > 1 else OTHER
        if stage == "engine":
            stage = _ENGINE.get(module, stage)
        return stage, f"{function} ({'/'.join(inside)})"
    function, _, rest = frames[-1].partition(" (")
    return OTHER, f"{function} ({Path(rest.rsplit(':', 1)[0].removesuffix(')')).name})"


def _record(command: str, seconds: int, path: Path) -> None:
    arguments = [
        *(command, "record", "--nonblocking", "--full-filenames"),
        *("--format", "raw", "--rate", str(RATE_HZ), "--duration", str(seconds)),
        *("--pid", str(os.getpid()), "--output", str(path)),
    ]
    try:
        with _allowed():
            done = subprocess.run(  # noqa: S603  (our own arguments)
                arguments, capture_output=True, text=True, timeout=seconds + _GRACE_S, check=False
            )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ProfileError(f"py-spy could not be run: {error}") from None
    if done.returncode or not path.exists():
        raise ProfileError(
            f"py-spy could not look at this process: {_last(done.stderr)}. In a container it needs "
            "the capability SYS_PTRACE, on macOS the rights of root"
        )


@contextlib.contextmanager
def _allowed() -> Iterator[None]:
    """Let a child look at this process meanwhile, where Linux (Yama) lets only parents do so."""
    if sys.platform != "linux":
        yield
        return
    library = ctypes.CDLL(None, use_errno=True)
    library.prctl(_PR_SET_PTRACER, ctypes.c_ulong(_ANY), 0, 0, 0)
    try:
        yield
    finally:
        library.prctl(_PR_SET_PTRACER, 0, 0, 0, 0)


def _py_spy() -> str:
    """Return the program: beside this interpreter, or on the path."""
    beside = shutil.which("py-spy", path=sysconfig.get_path("scripts"))
    found = beside or shutil.which("py-spy")
    if found is None:
        raise MissingExtraError("py-spy", "profile")
    return found


def _last(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1].rstrip(".") if lines else "it did not say why"
