"""What a run was measured on."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import psutil

from livewidget._version import __version__

_PACKAGES = ("numpy", "pandas", "websockets", "msgspec", "pyarrow")
HARDWARE = ("cpu", "cores", "memory", "system")  # what makes it the same machine


def machine() -> dict[str, str]:
    """Return the processor, its cores, the memory, the system, and the versions that matter."""
    memory = psutil.virtual_memory().total / 2**30
    told = {
        "cpu": processor(),
        "cores": str(psutil.cpu_count()),
        "memory": f"{memory:.0f} GiB",
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "livewidget": __version__,
    }
    return told | {name: found for name in _PACKAGES if (found := _version(name))}


def processor() -> str:
    """Return the processor's name as the system has it."""
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def differences(now: Mapping[str, str], before: Mapping[str, str]) -> tuple[list[str], list[str]]:
    """Return what tells two machines apart, and what two sets of versions: a phrase each."""
    told = [
        (name, f"{name} {before.get(name, 'none')} then, {now.get(name, 'none')} now")
        for name in [*now, *(name for name in before if name not in now)]
        if now.get(name) != before.get(name)
    ]
    hardware = [text for name, text in told if name in HARDWARE]
    return hardware, [text for name, text in told if name not in HARDWARE]


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
