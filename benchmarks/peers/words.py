"""What the report says in words of its own."""

from __future__ import annotations

HEAD = """# livewidget beside its peers

The same rows into the same 10 s window, one harness, one real browser, one peer after another.
This page is generated:

```sh
python -m venv peers && peers/bin/pip install -e . -r benchmarks/peers/requirements.txt
npm --prefix benchmarks/peers/page ci
peers/bin/python -m benchmarks.peers --quick   # the cross; without --quick more loads
```

`--peer` and `--load` measure some again; what was measured before stays in
[results.json](reports/peers/results.json)."""

MEASURED = """\
*Painted* counts the pictures of the devtools' screencast that show a moment not shown before:
the first line of each chart has pulses, irregular in time, from which a picture is dated to a
pixel. The screencast costs much without a GPU, and the same to all, so that work is measured
before it starts; *hook* is the frames of that time: animation frames in which something was
drawn by SVG, canvas, WebGL or a picture, also where it shows nothing new. *Arrival to pixel* is
from the call that brought the newest row in a picture to that picture. *Main thread* is the
devtools' TaskDuration; 100 % is all of it. *Kernel CPU* leaves out what it took to make the
rows. Bytes are those of the page's WebSockets. Medians, in brackets the quartiles over half
seconds. The *burst* is a second in which the same rows come as 1,000 updates; its lag is from
its end to the picture that shows its last row."""

UNFAIR = """\
- To all with a kernel: browser, kernel, JupyterLab and harness share the cores. uPlot has
  no kernel and no wire, and makes its rows in the page, on the thread that is measured.
- To bqplot and plotly: they have no way to append that was used, so that each update sends the
  window. A user can thin by hand what is sent; these cells do not. Loads of which an update is
  over 16 MB are not tried.
- To those who throttle (ipympl, Perspective, HoloViews): a frame left out on purpose counts as not
  painted.
- To all but livewidget: livewidget draws at most two values a pixel column, where others draw all;
  with many charts its controller draws fewer, and fewer frames.
- To livewidget: it finds its y range, where that of the others is fixed; `max_fps` bounds its
  frames at 30 (at 1,000 updates/s, 60); its toolbar, accessibility and, with one chart, its
  performance strip are on; it keeps up to ten windows where the others keep one.
- To Perspective: it keeps a table that can be queried, in the kernel and again in the page.
- To HoloViews: 20 charts or 1,000 updates a second are not what its Buffer is made for.
- To uPlot: its lines are 1.5 pixels wide, as livewidget's; the others keep their own width of 2.
- To those who draw with WebGL: without a GPU it is drawn by the processor.
- jupyter_rfb sends pictures as ipympl does, of whatever draws them, and has no line chart of its
  own: it is not in the table. hvPlot draws through HoloViews, the way that is measured."""

LOSSES = """\
The rows above marked **no** name who is ahead and by how much. What is known of why:

- uPlot in a bare page has the machine to itself: no kernel, no server, no notebook, no message to
  take apart. At 1,000 updates a second both draw at nearly the screen's pace (hook), with the main
  thread two thirds idle; that the screencast takes more from JupyterLab's page than from a bare
  one is likely and was not measured. With 20 charts livewidget's frame is longer: half of it is
  `Layerize`, `Paint`, style and layout, the browser's work on bqplot's axes and on toolbars and
  legends as elements; uPlot draws on its one canvas for each chart. The drawing itself
  (`FunctionCall`) is the smaller part.
- bqplot and plotly may use less kernel CPU at 20,000 points: they hand over memory as it is, and
  the browser pays, with fewer frames that come later. livewidget's frame costs the same at any
  number of points, and so more than a small copy. Of its 4 % of a core at 20 updates a second the
  engine's thread takes 2.8, the thread that pushes 0.8, ipykernel's sending thread 0.3 (times of
  the threads as the system counts them). Most of the engine's builds frames, some hundred small
  calls of Python and numpy each.
- bqplot needs not much more than livewidget of the kernel with 20 charts, too, where its page shows
  one or two pictures a second, and those late.
- HoloViews, Perspective and ipympl send few bytes where they hardly draw.
- The screencast itself takes from those who draw much: compare painted with hook.

Where the main thread's time of a frame goes, in milliseconds by the trace of the devtools' time
line:"""

ANSWER = """\
Two rates are meant by it. *Updates* are calls that bring rows: livewidget sets no limit there, for
a call only hands rows over, and a frame costs what is new in it; how many rows a second that
carries is in [the benchmarks](reports/benchmarks.md). *Frames* are what can be seen: `max_fps`,
30 by default and 60 at most, and no more than the machine draws. More updates than frames make
frames fatter, not later. Measured here, on 20,000 points, with the calls a second that the feeding
thread of a kernel came to make:"""
