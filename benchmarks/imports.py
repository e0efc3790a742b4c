"""What `import livewidget` costs, and what it loads."""

from __future__ import annotations

import resource
import subprocess
import sys
from collections.abc import Callable

from benchmarks.harness import Figure, Outcome, Plot, interleaved, quartiles, ratios

WIDGET_PACKAGES = ("anywidget", "bqplot", "ipywidgets", "IPython", "pandas", "traitlets")


def measure(*, quick: bool) -> Outcome:
    """Compare the import with numpy's, in fresh interpreters, and look at what came along."""
    statements = {
        "nothing": "pass",
        "numpy": "import numpy",
        "livewidget": "import livewidget",
        "DataStreamer": "from livewidget import DataStreamer",
        "LiveChart": "from livewidget import LiveChart",
    }
    jobs = {name: _fresh(statement) for name, statement in statements.items()}
    times = interleaved(jobs, rounds=5 if quick else 21, warm_up=1)
    bare = quartiles(times["nothing"])[1]
    bars = {name: 1e3 * (quartiles(each)[1] - bare) for name, each in times.items()}
    net = {name: [each - bare for each in values] for name, values in times.items()}
    figures = []
    for name in ("livewidget", "DataStreamer", "LiveChart"):
        low, middle, high = ratios(net[name], net["numpy"])
        reference = f"{bars[name]:.0f} ms; numpy {bars['numpy']:.0f} ms"
        limit = 1.7 if name == "livewidget" else None
        figures.append(
            Figure(
                f"import of {name} over numpy", middle, "x", reference, limit, low=low, high=high
            )
        )
    loaded = _loaded("import livewidget")
    reference = ", ".join(loaded) or f"none of {', '.join(WIDGET_PACKAGES)}"
    figures.append(Figure("widget packages it loads", len(loaded), "packages", reference, 0))
    plot = Plot("Import", "", "CPU ms beyond a bare interpreter", bars=bars)
    note = "CPU time of each import in a fresh interpreter; a bare interpreter's is taken off."
    return Outcome("The import", figures, [plot], note)


def _fresh(statement: str) -> Callable[[], float]:
    def run() -> float:
        begun = _children()
        subprocess.run([sys.executable, "-c", statement], check=True)
        return _children() - begun

    return run


def _children() -> float:
    """Return the CPU seconds of all processes that were waited for."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _loaded(statement: str) -> list[str]:
    code = f"import sys; {statement}; print(*sys.modules)"
    command = [sys.executable, "-c", code]
    modules = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    return [name for name in WIDGET_PACKAGES if name in modules]
