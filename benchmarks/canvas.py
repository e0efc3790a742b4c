"""The canvas renderer beside uPlot: what a frame takes the main thread of a bare page."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.browser import ROOT, browser_of
from benchmarks.harness import Figure, Outcome, Plot, quartiles, ratios

if TYPE_CHECKING:
    from playwright.sync_api import CDPSession, Page

SIZES = (1_000, 2_000, 20_000, 100_000)
WIDTH, HEIGHT = 1_000, 320
FPS = 20
UPLOT = ROOT / "benchmarks" / "peers" / "page"

# The same points for both, in the same place; each frame shows them a little later.
SCENE = """({ points, width, height, fps, way }) => {
  document.body.replaceChildren();
  const spare = 1000;
  const x = Float64Array.from({ length: points + spare }, (_, i) => i);
  const y = x.map((at) => Math.sin(at * 12 / points) + 0.2 * Math.sin(at * at * 7919));
  let at = 0;
  const cut = () => {
    at = (at + Math.max(1, points >> 10)) % spare;
    return [x.subarray(at, at + points), y.subarray(at, at + points)];
  };
  const scene = window.__scene = { frames: 0, draw: null };
  if (way === "uplot") {
    const plot = new uPlot({
      width, height, pxAlign: 1,
      legend: { show: false }, cursor: { show: false }, padding: [0, 0, 0, 0],
      axes: [{ show: false }, { show: false }],
      scales: { x: { time: false }, y: { range: [-1.5, 1.5] } },
      series: [{}, { stroke: "#2f7df6", width: 1.5, points: { show: false } }],
    }, cut(), document.body);
    scene.draw = () => plot.setData(cut());
  } else {
    const layer = new renderer.CanvasLayer(() => {}, () => {});
    layer.el.style.position = "absolute";
    document.body.append(layer.el);
    const area = { left: 0, top: 0, width, height };
    const looks = [{ shape: "line", color: "#2f7df6", bands: [] }];
    scene.draw = () => {
      const [xs, ys] = cut();
      const range = { start: xs[0], stop: xs[points - 1], low: -1.5, high: 1.5 };
      const curves = [{ x: xs, y: ys, visible: true }];
      layer.draw({ curves, looks, marks: [], origin: 0n, ...range }, area, 1.5);
    };
  }
  let last = 0;
  const frame = (now) => {
    if (window.__scene !== scene) return;
    requestAnimationFrame(frame);
    if (now - last < 1000 / fps - 4) return;
    last = now;
    scene.draw();
    scene.frames += 1;
  };
  requestAnimationFrame(frame);
}"""


def measure(*, quick: bool) -> Outcome:
    """Draw the same line by both, in turns."""
    rounds, seconds = (3, 1.5) if quick else (7, 3.0)
    figures: list[Figure] = []
    lines: dict[str, list[tuple[float, float]]] = {"canvas": [], "uPlot": []}
    with browser_of() as browser:
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
        page.set_content("<style>body { margin: 0 }</style>")
        page.add_script_tag(path=_uplot())
        page.add_script_tag(content=_renderer())
        devtools = page.context.new_cdp_session(page)
        devtools.send("Performance.enable")
        for points in SIZES:
            times: dict[str, list[float]] = {"canvas": [], "uplot": []}
            for _ in range(rounds):
                for way, found in times.items():
                    found.append(_frame_ms(page, devtools, way, points, seconds))
            low, middle, high = ratios(times["canvas"], times["uplot"])
            ours, theirs = (quartiles(each)[1] for each in times.values())
            told = f"{ours:.2f} ms, uPlot {theirs:.2f} ms"
            name = f"main thread of a frame, {points:,} points, canvas over uPlot"
            figures.append(Figure(name, middle, "x", told, 1.5, low=low, high=high))
            lines["canvas"].append((points, ours))
            lines["uPlot"].append((points, theirs))
    plot = Plot("Main thread of a frame", "points", "ms", lines=lines, log="xy")
    note = (
        f"One line, {WIDTH} x {HEIGHT} pixels, {FPS} frames/s, in a bare page of headless Chromium "
        "without a GPU. Neither draws axes: those of a chart are bqplot's. All that the main "
        "thread does counts (the devtools' TaskDuration), rasterising included. Both are given the "
        "same points; in a chart the kernel sends the canvas no more than a few a pixel."
    )
    return Outcome("The canvas beside uPlot", figures, [plot], note)


def _frame_ms(page: Page, devtools: CDPSession, way: str, points: int, seconds: float) -> float:
    """Return the milliseconds of main thread a frame, over some seconds."""
    scene = {"points": points, "width": WIDTH, "height": HEIGHT, "fps": FPS, "way": way}
    page.evaluate(SCENE, scene)
    page.wait_for_timeout(300)
    before = _spent(page, devtools)
    page.wait_for_timeout(1000 * seconds)
    after = _spent(page, devtools)
    spent, frames = (after[name] - before[name] for name in ("spent", "frames"))
    return float(1000 * spent / frames)


def _spent(page: Page, devtools: CDPSession) -> dict[str, Any]:
    metrics = {it["name"]: it["value"] for it in devtools.send("Performance.getMetrics")["metrics"]}
    return {"spent": metrics["TaskDuration"], "frames": page.evaluate("__scene.frames")}


def _uplot() -> Path:
    script = UPLOT / "node_modules" / "uplot" / "dist" / "uPlot.iife.min.js"
    if not script.exists():
        subprocess.run(["npm", "ci", "--no-audit", "--no-fund"], cwd=UPLOT, check=True)
    return script


def _renderer() -> str:
    """Return the renderer's script: `renderer.CanvasLayer`."""
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "renderer.js"
        command = [ROOT / "js/node_modules/.bin/esbuild", ROOT / "js/src/renderer/canvas.ts"]
        told = ["--bundle", "--minify", "--format=iife", "--global-name=renderer"]
        options = [*told, f"--outfile={made}", "--log-level=error"]
        subprocess.run([*map(str, command), *options], check=True)
        return made.read_text()
