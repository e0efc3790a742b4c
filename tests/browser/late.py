"""The same tests where all comes late: `make browser-late`, which finds a test that looks too soon.

What a kernel's link sends waits up to `KERNEL_S` beside its other comms, and all that comes to a
page up to `PAGE_MS`; the order within each stays. The tests that measure time are left out.
"""

from __future__ import annotations

import os

WANTED = os.environ.get("LIVEWIDGET_LATE") == "1"
KERNEL_S = 0.35
PAGE_MS = 250

KERNEL = f"""
import queue as _queue, random as _random
from livewidget.widgets.link import Link as _Link

if not hasattr(_Link, "in_time"):
    _Link.in_time = _Link.send
    _late = _queue.SimpleQueue()

    def _deliver():
        until = 0.0
        while True:
            told = _late.get()
            if time.monotonic() > until:
                time.sleep(_random.uniform(0, {KERNEL_S}))
                until = time.monotonic() + _random.uniform(0, 2 * {KERNEL_S})
            _Link.in_time(*told)

    _Link.send = lambda self, content, buffers=None: _late.put((self, content, buffers))
    threading.Thread(target=_deliver, daemon=True).start()
"""

# What comes is heard after `arrives()` ms, in its order, and what is said leaves after `leaves`.
SOCKET = """
((arrives, leaves) => {
  const Native = window.WebSocket;
  window.WebSocket = class extends Native {
    #hear = () => {};
    #waiting = [];

    constructor(...args) {
      super(...args);
      this.addEventListener("message", (event) => {
        this.#waiting.push([event, performance.now() + arrives()]);
        if (this.#waiting.length === 1) this.#deliver();
      });
    }

    set onmessage(hear) {
      this.#hear = hear;
    }

    send(data) {
      if (leaves === 0) super.send(data);
      else setTimeout(() => super.send(data), leaves);
    }

    #deliver() {
      const [event, due] = this.#waiting[0];
      const left = due - performance.now();
      if (left > 0) {
        setTimeout(() => this.#deliver(), left);
        return;
      }
      this.#waiting.shift();
      if (this.#waiting.length > 0) setTimeout(() => this.#deliver());
      this.#hear(event);
    }
  };
})"""
NOW_AND_THEN = f"""(() => {{
  let delay = 0;
  return () => (delay = Math.random() < 0.1 ? Math.random() * {PAGE_MS} : delay);
}})()"""

PAGE = f"{SOCKET}({NOW_AND_THEN}, 0);"


def far(ms: float) -> str:
    """A page's script that puts its kernel so many ms away, each way."""
    return f"{SOCKET}(() => {ms}, {ms});"
