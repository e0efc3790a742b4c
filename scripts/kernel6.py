"""Makes an environment beside this one whose only difference is ipykernel 6, and prints its Python.

Both majors are in use and route widget messages differently, so the browser tests run on both. The
environment lies in `kernel6/` of the running one and sees all its packages; it is made once.
"""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import venv
from pathlib import Path


def main() -> None:
    """Print the path of a Python with ipykernel 6; make its environment where it is missing."""
    folder = Path(sys.prefix) / "kernel6"
    python = folder / "bin" / "python"
    if not has_kernel6(python):
        make(folder, python)
    print(python)


def has_kernel6(python: Path) -> bool:
    """Whether the environment is there and whole."""
    probe = "import ipykernel, sys; sys.exit(ipykernel.version_info[0] != 6)"
    return python.exists() and subprocess.run([python, "-c", probe], check=False).returncode == 0


def make(folder: Path, python: Path) -> None:
    """Make the environment; a .pth line lends it the packages of the running one."""
    venv.create(folder, symlinks=True)
    inner = subprocess.run(
        [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()
    outer = sysconfig.get_path("purelib")
    # addsitedir, unlike a bare path, also reads the .pth files there: editable installs live so.
    (Path(inner) / "outer.pth").write_text(f"import site; site.addsitedir({outer!r})\n")
    install = [sys.executable, "-m", "pip", "--python", str(python), "install", "-qq"]
    subprocess.run([*install, "ipykernel>=6.29,<7"], check=True, stdout=sys.stderr)


if __name__ == "__main__":
    main()
