"""One controller for a chart: gives up quality where the load asks for it, and takes it back.

I/O-free: no clock, no thread. What was seen goes in, how to draw comes out.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from livewidget.data.errors import SettingError, quote
from livewidget.monitor.ladder import FAST, HIGHEST, MODES, Setting, Target, ladder
from livewidget.monitor.pressure import Pressure, Signals, building, late, latency_of, linear_of

MOST_DECISIONS = 20
DRAWING = 0.8  # of a page's main thread, its layout and paint included: the rest is the person's
FULL = 0.95  # of it: that is acted on at once, and what is less once it was seen twice
TOO_FEW = 0.75  # of the frames sent, drawn: below, the page does not keep up
ROOMY = 0.75  # of a budget, foreseen: a climb must leave so much room
ENOUGH = 0.9  # of a budget, foreseen: a fall goes on to where that suffices
AT_ONCE = 1.5  # times a budget: what is not acted on before it was seen twice
AGAIN_S = 0.4  # between two such sights
SETTLE_S = 0.4  # after a change the engine's own figures are those of the change
ON_THE_WAY_S = 0.25  # a page's figures may begin so long before the setting that they tell of
PROOF_S = 0.7  # of calm before a climb; a page tells once a second
PROOFS = 5  # the most of these, after mistakes
TOLD = 3  # words of a page: what a burst left behind is forgotten with the third
LATELY_S = 30.0  # a fall so soon after a climb says that the climb was a mistake; after others,
# twice as long for each: what is on the edge now and then is not gone to and fro about
SURVIVED_S = 60.0
BARRED_S = 8.0  # after the first such mistake, twice as long after each
MOST_MISTAKES = 10  # that lengthen the patience: to 17 hours at most
LONGEST_BARRED_S = 512.0
LIGHTER = 0.6  # of the load from which a climb failed: then it is another load
UNKNOWN = {"page": 1.0, "engine": 1.0}  # the part of a frame's cost that goes with its points
LEAST_SHARE = 0.05  # of what was learnt: no frame is free of its points


@dataclass(slots=True)
class _Mistake:
    """A climb `to` a rung, taken back to `rung`; what that one uses of the budgets meanwhile."""

    to: int
    rung: int
    used: float


class Controller:
    """Steps on the ladder of a target. `decisions` holds (seconds, what was done and why).

    `mode` is "auto", "high" (the best, whatever it costs) or "fast" (a cheap one). Raises
    SettingError for another. One thread's at a time.
    """

    def __init__(self, target: Target | None = None, mode: str = "auto") -> None:
        self.target = Target() if target is None else target
        self.decisions: deque[tuple[float, str]] = deque(maxlen=MOST_DECISIONS)
        self._why = ""  # what the last move was for
        self._told: deque[float] = deque(maxlen=TOLD)  # the latest latencies of this setting
        self._told_from = float("-inf")
        self._rungs = ladder(self.target)
        self._share = dict(UNKNOWN)
        self._changed = float("-inf")
        self._calm_since = float("-inf")
        self._first_seen: dict[str, float] = {}  # since when a budget is overdrawn
        self._costs: tuple[Setting, dict[str, float]] | None = None  # before the last change
        self._climb: tuple[float, int] | None = None  # the last one that may prove a mistake
        self._left: tuple[float, _Mistake] | None = None  # the rung that was too much last
        self._mistakes = 0
        self._barred_until = float("-inf")
        self._barred: _Mistake | None = None
        self._helpless = self._said = ""  # what is overdrawn at the last rung, and was told so
        self.mode = mode
        self.choose(mode)

    @property
    def setting(self) -> Setting:
        """How to draw now."""
        return self._rungs[self._rung]

    @property
    def reason(self) -> str:
        """Why the chart is not at its best; "" where it is."""
        if self._helpless:
            return f"nothing is left to give up: {self._helpless}"
        return "" if self._rung == self._best else self._why

    @property
    def level(self) -> int:
        """How many rungs below its best the chart is."""
        return max(0, self._rung - self._best)

    @property
    def levels(self) -> int:
        """How many rungs the mode leaves."""
        return 1 if self.mode != "auto" else len(self._rungs) - self._best

    @property
    def _patience(self) -> float:
        """How much longer than usual to wait, after so many mistakes."""
        return 2.0 ** min(self._mistakes, MOST_MISTAKES)

    def choose(self, mode: str) -> Setting:
        """Change the mode."""
        if mode not in MODES:
            raise SettingError(f"quality is one of {', '.join(MODES)}; got {quote(mode)}")
        self.mode = mode
        self._best = self._rung = HIGHEST.get(mode, FAST)
        self._forget()
        return self.setting

    def aim(self, target: Target) -> Setting:
        """Change the target; the chart stays at its rung, or the last of fewer.

        What was learnt of the old ladder's rungs says nothing of the new one's.
        """
        self.target = target
        self._rungs = ladder(target)
        self._rung = min(self._rung, len(self._rungs) - 1)
        self._climb = self._left = self._barred = None
        self._mistakes = 0
        self._forget()
        return self.setting

    def step(self, now: float, signals: Signals) -> Setting:
        """Take up what was seen by `now` (s, steady); return how to draw from now on."""
        if self.mode != "auto":
            return self.setting
        if signals.hidden:
            self._forget()
            self._calm_since = now
            return self.setting
        seen = signals.seen_from is not None and signals.seen_from >= self._changed - ON_THE_WAY_S
        if not seen and now - self._changed < SETTLE_S:
            return self.setting
        pressures = self._pressures(signals, seen=seen)
        self._learn(signals, seen=seen)
        marker = signals.seen_from if seen and signals.seen_from is not None else now
        over = [each for each in pressures if self._is_over(each, now, marker)]
        if any(each.used > 1 for each in pressures):
            self._calm_since = now
            self._told.clear()
        else:
            self._remember(signals, seen=seen)
        if over and all(each.name == "latency" for each in over):
            self._hasten(now, pressures, signals)
        elif over:
            self._fall(now, over, linear_of(pressures), signals)
        elif seen or signals.seen_from is None:
            self._rise(now, pressures, signals)
        return self.setting

    # -- what is seen

    def _pressures(self, signals: Signals, *, seen: bool) -> list[Pressure]:
        fps = self.setting.fps
        found = [building(signals, fps)]
        if signals.held:
            text = "what was sent has not been drawn for two seconds"
            found.append(Pressure("held", "page", 2.0, text))
        if not seen:
            return found
        part = signals.page_ms / 1000
        text = f"drawing takes {100 * part:.0f} % of the page's time, of {100 * DRAWING:.0f} %"
        found.append(Pressure("drawing", "page", part / DRAWING, text, sure=part >= FULL))
        if signals.sent > 1 and signals.drawn < TOO_FEW * signals.sent:
            # So that the fall is to a rung of no more than it draws.
            used = min(3.0, max(1.01, ENOUGH * signals.sent / max(0.1, signals.drawn)))
            text = f"the page draws {signals.drawn:.0f} of {signals.sent:.0f} frames a second"
            found.append(Pressure("undrawn", "page", used, text, sure=False))
        if signals.latency_ms is not None and self._is_of_now(signals):
            found.append(late(signals, signals.latency_ms, self.target.latency_ms))
        return found

    def _is_of_now(self, signals: Signals) -> bool:
        """Say whether the latest event came under this setting: else it tells of that before."""
        since, waited = signals.seen_from, (signals.latency_ms or 0.0) / 1000
        return since is None or since - waited >= self._changed - ON_THE_WAY_S

    def _is_over(self, pressure: Pressure, now: float, marker: float) -> bool:
        """Say whether a budget is overdrawn, and has been seen to be so well enough."""
        if pressure.used <= 1:
            self._first_seen.pop(pressure.name, None)
            return False
        at = marker if pressure.where == "page" else now
        first = self._first_seen.setdefault(pressure.name, at)
        return pressure.sure or pressure.used >= AT_ONCE or at - first >= AGAIN_S

    # -- what another rung would cost

    def _scale(self, where: str, rung: int) -> float:
        """Return how much more a second a rung costs than the present one, by what is known."""
        here, there = self.setting, self._rungs[rung]
        share = self._share[where]
        return there.fps / here.fps * (1 - share + share * there.points / here.points)

    def _learn(self, signals: Signals, *, seen: bool) -> None:
        """Take from the last change what part of a frame's cost goes with its points."""
        if self._costs is None or not seen or not signals.drawn:
            return
        (before, costs), self._costs = self._costs, None
        ratio = self.setting.points / before.points
        if ratio == 1:
            return
        for where, cost in _costs(signals).items():
            old = costs[where]
            if old > 0 and cost > 0:
                self._share[where] = min(1.0, max(LEAST_SHARE, (cost / old - 1) / (ratio - 1)))

    def _remember(self, signals: Signals, *, seen: bool) -> None:
        """Keep the latest latencies that the page told of this setting, each report's once."""
        since, latency = signals.seen_from, signals.latency_ms
        if not seen or not self._is_of_now(signals):
            return
        if since is not None and latency is not None and since > self._told_from:
            self._told_from = since
            self._told.append(latency)

    # -- what is done

    def _hasten(self, now: float, pressures: list[Pressure], signals: Signals) -> None:
        """Bring the latency down where nothing is overdrawn: by lighter frames, or by more."""
        fps = self.setting.fps
        lowest = self._lowest_left(now, linear_of(pressures))
        for rung in range(lowest, self._rung):
            quicker = self._rungs[rung].fps > fps and not self._is_barred(now, rung)
            sooner = self._foreseen(rung, signals) < (signals.latency_ms or 0.0)
            if quicker and sooner and self._affords(rung, pressures, 1.0):
                self._climb = now, rung
                self._move(now, rung, latency_of(pressures).text, signals)
                return
        # Fewer frames would only let each event wait longer for its own.
        last = max(place for place, each in enumerate(self._rungs) if each.fps == fps)
        self._fall(now, [latency_of(pressures)], linear_of(pressures), signals, last)

    def _fall(
        self,
        now: float,
        over: list[Pressure],
        linear: Pressure,
        signals: Signals,
        last: int | None = None,
    ) -> None:
        """Go down to where what is overdrawn suffices, as far as one can tell."""
        worst = max(over, key=lambda each: each.used)
        # A cause says more than what comes of it.
        why = next((each.text for each in over if each.sure), worst.text)
        last = len(self._rungs) - 1 if last is None else last
        if self._rung >= last:
            known, self._helpless = self._helpless or self._said, why
            if not known:
                self._said = why
                self.decisions.append((now, self.reason))
            return
        rung = self._rung + 1
        while rung < last and worst.used * self._scale(worst.where, rung) > ENOUGH:
            rung += 1
        climb, self._climb = self._climb, None
        used = linear.used * self._scale(linear.where, rung)
        if climb is not None and now - climb[0] <= LATELY_S * self._patience:
            self._bar(now, _Mistake(climb[1], rung, used))
        if worst.name != "latency":
            self._left = now, _Mistake(self._rung, rung, used)
        self._move(now, rung, why, signals)

    def _bar(self, now: float, mistake: _Mistake) -> None:
        """Bar a way up that has just proved to be a mistake, longer each time."""
        wait = min(LONGEST_BARRED_S, BARRED_S * self._patience)
        self._mistakes += 1
        self._barred, self._barred_until = mistake, now + wait

    def _rise(self, now: float, pressures: list[Pressure], signals: Signals) -> None:
        """Go up as far as is foreseen to leave room, after a while of calm."""
        climb = self._climb
        if climb is not None and now - climb[0] > SURVIVED_S * self._patience:
            self._climb, self._mistakes = None, max(0, self._mistakes - 1)
        self._lift(now, linear_of(pressures))
        calm = now - max(self._calm_since, self._changed)
        if calm < PROOF_S * (1 + min(self._mistakes, PROOFS)):
            return
        self._helpless = ""
        for rung in range(self._best, self._rung):
            if not self._is_barred(now, rung) and self._fits(rung, pressures, signals):
                self._climb = now, rung
                self._move(now, rung, _room(signals), signals)
                return

    def _lowest_left(self, now: float, linear: Pressure) -> int:
        """Return the first rung below those that were too much a while ago, for the same load."""
        if self._left is None:
            return self._best
        since, left = self._left
        used = linear.used * self._scale(linear.where, left.rung)
        if now - since > SURVIVED_S or used < LIGHTER * left.used:
            return self._best
        return max(self._best, left.to + 1)

    def _is_barred(self, now: float, rung: int) -> bool:
        barred = self._barred
        return barred is not None and now < self._barred_until and rung <= barred.to

    def _lift(self, now: float, linear: Pressure) -> None:
        """Forget a mistake where the load is another one now."""
        barred = self._barred
        if barred is None:
            return
        used = linear.used * self._scale(linear.where, barred.rung)
        if used < LIGHTER * barred.used:
            self._barred, self._mistakes = None, 0
        elif now >= self._barred_until:
            self._barred = None
        else:
            barred.used = max(barred.used, used)

    def _fits(self, rung: int, pressures: list[Pressure], signals: Signals) -> bool:
        """Foresee whether a rung leaves room in all budgets."""
        if not self._affords(rung, pressures, ROOMY):
            return False
        return self._foreseen(rung, signals) <= ENOUGH * self.target.latency_ms

    def _affords(self, rung: int, pressures: list[Pressure], most: float) -> bool:
        """Foresee whether a rung uses at most `most` of each budget but the latency's."""
        others = (each for each in pressures if each.name != "latency")
        return all(each.used * self._scale(each.where, rung) <= most for each in others)

    def _foreseen(self, rung: int, signals: Signals) -> float:
        """Foresee the latency of a rung (ms) from the worst of the latest; 0 for none."""
        if signals.latency_ms is None:
            return 0.0
        latency = max(self._told, default=signals.latency_ms)
        # What is drawn oftener waits less for its frame.
        waits = 1000 / self._rungs[rung].fps - 1000 / self.setting.fps
        slower = signals.draw_ms * (self._scale("page", rung) - 1)
        return latency + waits + max(0.0, slower)

    def _move(self, now: float, rung: int, why: str, signals: Signals) -> None:
        self._costs = self.setting, _costs(signals)
        self._rung, self._changed, self._calm_since = rung, now, now
        self._first_seen.clear()
        self._told.clear()
        self._helpless, self._said, self._why = "", "", why
        self.decisions.append((now, f"{self.setting}: {why}"))

    def _forget(self) -> None:
        """Let go of what was seen of another setting."""
        self._first_seen.clear()
        self._told.clear()
        self._costs = None


def _costs(signals: Signals) -> dict[str, float]:
    """Return what one frame costs, in ms: on a page, with those of the other charts."""
    page = signals.page_ms / signals.drawn if signals.drawn else signals.draw_ms
    return {"page": page, "engine": signals.build_ms}


def _room(signals: Signals) -> str:
    latency = "" if signals.latency_ms is None else f", {signals.latency_ms:.0f} ms to the pixel"
    return f"there is room: drawing takes {signals.page_ms / 10:.0f} % of the page's time{latency}"
