"""The TypeScript store in a Node process: packets in, its arrays out."""

from __future__ import annotations

import shutil
import struct
import subprocess
from pathlib import Path

BUNDLE = Path(__file__).parents[3] / "js" / "build" / "apply-frames.mjs"


def missing() -> str | None:
    """Why it cannot run here, or None."""
    if shutil.which("node") is None:
        return "no node on the path"
    return None if BUNDLE.exists() else "js/build/apply-frames.mjs is missing: npm run build in js/"


class NodeStores:
    """Keeps the process open. A chart is known by its number, so each history takes a new one."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            ["node", BUNDLE], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self.chart = 0

    def new_chart(self) -> int:
        self.chart += 1
        return self.chart

    def take(self, packet: bytes) -> bytes:
        """Apply a packet; return the dump of the newest chart."""
        assert self._process.stdin is not None
        self._process.stdin.write(struct.pack("<I", len(packet)) + packet)
        self._process.stdin.flush()
        size = struct.unpack("<I", self._read(4))[0]
        dump = self._read(size)
        return dump[self._start(dump) :]

    def _start(self, dump: bytes) -> int:
        """Where the chart with the greatest number begins: the stores come in order."""
        at = last = 0
        while at < len(dump):
            last = at
            count = struct.unpack_from("<I", dump, at + 16)[0]
            at += 20
            for _ in range(count):
                at += 4 + 16 * struct.unpack_from("<I", dump, at)[0]
        return last

    def _read(self, size: int) -> bytes:
        assert self._process.stdout is not None
        data = self._process.stdout.read(size)
        assert len(data) == size, "node has ended"
        return data

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(10)
        assert self._process.stdout is not None
        self._process.stdout.close()
