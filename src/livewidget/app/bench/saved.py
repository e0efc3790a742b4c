"""A run of the standard loads, and the file that it is saved to."""

from __future__ import annotations

import json
import math
import os
import re
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from livewidget.data.errors import SettingError, quote

KIND, FORMAT = "livewidget bench", 1
_NAME = re.compile(r"\w[\w.+-]*")


@dataclass(frozen=True, slots=True)
class Measured:
    """One figure of a run: the samples of all its rounds, in order and in `unit`.

    `more` says that more is better; `relevant` is the factor up to which a difference does not
    matter.
    """

    name: str
    unit: str
    samples: Sequence[float]
    more: bool = False
    relevant: float = 1.1


@dataclass(frozen=True, slots=True)
class Run:
    """What one run measured, figure by figure, on what machine, when (UTC), at what size."""

    machine: Mapping[str, str]
    figures: Mapping[str, Measured]
    size: float = 1.0
    made: str = field(default_factory=lambda: time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()))

    def to_json(self) -> dict[str, Any]:
        """Return plain values, as they are saved."""
        figures = {
            key: {
                "name": each.name,
                "unit": each.unit,
                "more": each.more,
                "relevant": each.relevant,
                "samples": list(each.samples),
            }
            for key, each in self.figures.items()
        }
        head = {"kind": KIND, "format": FORMAT, "made": self.made, "size": self.size}
        return head | {"machine": dict(self.machine), "figures": figures}

    @classmethod
    def from_json(cls, data: object, where: str) -> Run:
        """Return what `to_json` was called on. Raises SettingError, which begins with `where`."""
        if not isinstance(data, dict) or data.get("kind") != KIND:
            raise SettingError(f"{where} is no saved run of `livewidget bench`")
        if data.get("format") != FORMAT:
            raise SettingError(
                f"{where} is a run in format {quote(data.get('format'))}, this livewidget reads "
                f"format {FORMAT}: measure again with one version"
            )
        try:
            figures = {str(key): _measured(each) for key, each in data["figures"].items()}
            about = {str(key): str(value) for key, value in data["machine"].items()}
            return cls(about, figures, float(data["size"]), str(data["made"]))
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            raise SettingError(
                f"{where} is a damaged run: {type(error).__name__} {error}"
            ) from None

    def save(self, path: Path) -> None:
        """Write it whole or not at all; what was there is replaced. Raises SettingError."""
        part = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            part.write_text(json.dumps(self.to_json(), indent=1) + "\n", encoding="utf-8")
            part.replace(path)
        except OSError as error:
            raise SettingError(f"{path} cannot be written: {error.strerror}") from None

    @classmethod
    def load(cls, path: Path) -> Run:
        """Read a saved run. Raises SettingError for what is none."""
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            known = ", ".join(sorted(each.stem for each in folder().glob("*.json"))) or "none yet"
            raise SettingError(f"{path} is not there; saved by name: {known}") from None
        except OSError as error:
            raise SettingError(f"{path} cannot be read: {error.strerror}") from None
        except ValueError:  # no JSON, or no text
            raise SettingError(f"{path} is no saved run of `livewidget bench`: no JSON") from None
        return cls.from_json(data, str(path))


def place(name: str) -> Path:
    """Return the file of a run: a name lies in `folder()`, what looks like a path is one."""
    if "/" in name or os.sep in name or name.endswith(".json"):
        return Path(name)
    if not _NAME.fullmatch(name):
        raise SettingError(
            f"a run is saved under a name such as main, or a path; got {quote(name)}"
        )
    return folder() / f"{name}.json"


def folder() -> Path:
    """Return where runs are saved by name: the user's folder for data, as the system has it."""
    home = Path.home()
    places = {"win32": home / "AppData/Local", "darwin": home / "Library/Application Support"}
    base = os.environ.get("XDG_DATA_HOME") or places.get(sys.platform, home / ".local/share")
    return Path(base) / "livewidget" / "bench"


def _measured(data: Mapping[str, Any]) -> Measured:
    if not isinstance(data["samples"], list):
        raise TypeError(f"samples are a list, got {quote(data['samples'])}")
    samples = tuple(map(float, data["samples"]))
    relevant = float(data["relevant"])
    if not samples or not all(0 < each < math.inf for each in (*samples, relevant)):
        raise ValueError(f"samples are numbers above 0, got {quote(data['samples'])}")
    return Measured(str(data["name"]), str(data["unit"]), samples, bool(data["more"]), relevant)
