"""The desk at which alerts arrive, and which decides who is to be told what, and when."""

from __future__ import annotations

import dataclasses
import heapq
from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from livewidget.data.errors import SettingError, StateError, quote
from livewidget.engine.alerts.alert import LABELS, Alert, Notice, weight
from livewidget.engine.alerts.silence import Silence, Silences
from livewidget.pipeline.alerts.event import FIRING, PENDING, RESOLVED

MOST_ALERTS = 10_000
MOST_HISTORY = 10_000
_SLACK = 1_000  # moments that are no more, before they are cleared away
FAR = 2**63 - 1  # ns: a moment that does not come


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """When people are told; all in ns. The words are Alertmanager's, but for `cool_down`.

    A group's first notice waits for `group_wait`, that others of it may join; the next come
    `group_interval` apart at least. What still fires is told again after `repeat_interval`. One
    alert is told as firing at most once in `cool_down`, however often it comes and goes.
    """

    group_by: tuple[str, ...] = ("rule",)
    group_wait: int = 0
    group_interval: int = 30 * 10**9
    repeat_interval: int = 4 * 3_600 * 10**9
    cool_down: int = 0

    def __post_init__(self) -> None:
        if any(label not in LABELS for label in self.group_by):
            raise SettingError(f"group_by is of {', '.join(LABELS)}; got {quote(self.group_by)}")


@dataclass(slots=True)
class _Record:
    alert: Alert
    told: str = ""  # the state that people know of this episode: "", firing or resolved
    notified: int | None = None  # when it was last told as firing, in whichever episode
    fired: bool = False


@dataclass(slots=True)
class _Group:
    members: dict[str, _Record] = field(default_factory=dict)
    last: int | None = None  # when people were last told of it
    opens: int | None = None  # before then they are not told
    due: int = FAR


class Desk:
    """Groups, deduplicates, silences and repeats alerts. I/O-free; one caller at a time.

    Nothing here has a clock: `now` is handed in, in ns, and never goes back. `take` what comes,
    `flush` at `due`. An alert is known by its rule and key; one more transition into the state that
    it has is none. One that has resolved is kept until it may be told of again, so that a restart
    of it is held by the same terms. `counts` has what was passed over: `duplicates`, `stale` (older
    than what is known), `refused` (more than `most_alerts` at once), `forgotten` (of the history).
    """

    def __init__(
        self,
        terms: Terms | None = None,
        *,
        most_alerts: int = MOST_ALERTS,
        most_history: int = MOST_HISTORY,
    ) -> None:
        self.terms = terms or Terms()
        self.silences = Silences()
        self.counts: Counter[str] = Counter()
        self._most = most_alerts
        self._records: dict[str, _Record] = {}
        self._groups: dict[tuple[str, ...], _Group] = {}
        self._heap: list[tuple[int, tuple[str, ...]]] = []
        self._history: deque[Alert] = deque(maxlen=most_history)
        self._crammed = False  # nothing could be forgotten for a new alert, nor can it now

    # -- what comes in

    def take(self, alert: Alert, now: int) -> bool:
        """Take a transition; say whether it was one."""
        name = alert.fingerprint
        record = self._records.get(name)
        if record is None:
            if alert.state == RESOLVED:
                return self._pass_over("stale")
            if len(self._records) >= self._most and not self._make_room():
                return self._pass_over("refused")
            record = self._records[name] = _Record(alert)
        else:
            known = record.alert
            if alert.time < known.time:
                return self._pass_over("stale")
            same = (alert.state, alert.since) == (known.state, known.since)
            if same and weight(alert.priority) <= weight(known.priority):
                return self._pass_over("duplicates")
            if self._group_of(alert) != self._group_of(known):
                self._leave(name, known)
            self._change(record, alert)
        record.fired |= alert.state == FIRING
        if alert.state == RESOLVED:
            self._crammed = False
            if record.fired:
                self._remember(record.alert)
                record.fired = False
        group = self._groups.setdefault(self._group_of(alert), _Group())
        group.members[name] = record
        self._schedule(record, now)
        return True

    def acknowledge(self, name: str, by: str, now: int) -> Alert | None:
        """Note that a person knows of the alert with this id or fingerprint; return it, or None.

        It is not told as firing any more in this episode.
        """
        record = self._records.get(name.partition("-")[0])
        if record is None or name not in (record.alert.id, record.alert.fingerprint):
            return None
        if record.alert.state == RESOLVED:
            return None
        record.alert = dataclasses.replace(
            record.alert, acknowledged=True, by=by, acknowledged_at=now
        )
        self._plan(self._group_of(record.alert), now)
        return self._shown(record.alert, now)

    def silence(self, matchers: dict[str, Any], start: int, end: int, **about: str) -> Silence:
        """Tell nobody of what matches; see `Silences.add`."""
        return self.silences.add(matchers, start, end, **about)

    def unsilence(self, name: str, now: int) -> bool:
        """End a silence by its id, or all that mute the alert of an id; say whether there were."""
        record = self._records.get(name.partition("-")[0])
        names = [name]
        if record is not None:
            names = [each.id for each in self.silences.muting(record.alert, now)]
        ended = [self.silences.remove(each) for each in names]
        for key in self._groups:
            self._plan(key, now)
        return any(ended)

    # -- what goes out

    @property
    def due(self) -> int:
        """When `flush` may next have something to do; `FAR` for never."""
        while self._heap and self._stale(self._heap[0]):
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else FAR

    def flush(self, now: int) -> list[Notice]:
        """Return what is to be told now, and count it as told."""
        self.silences.expire(now)
        told: list[Notice] = []
        while self.due <= now:
            self._crammed = False
            _, key = heapq.heappop(self._heap)
            notice = self._tell(key, now)
            if notice is not None:
                told.append(notice)
            self._forget(key, now)
            self._plan(key, now)
        return told

    def alerts(self, now: int) -> list[Alert]:
        """Return those that pend or fire."""
        known = (each.alert for each in self._records.values())
        return [self._shown(each, now) for each in known if each.state != RESOLVED]

    @property
    def history(self) -> list[Alert]:
        """Those that fired and are over, the oldest first."""
        return list(self._history)

    # -- restarts

    def save(self) -> dict[str, Any]:
        """Return everything as plain data, so that a restart tells nothing twice."""
        return {
            "silences": self.silences.save(),
            "records": [
                [each.alert.save(), each.told, each.notified, each.fired]
                for each in self._records.values()
            ],
            "groups": [[list(key), each.last, each.opens] for key, each in self._groups.items()],
            "history": [each.save() for each in self._history],
            "counts": dict(self.counts),
        }

    def load(self, state: dict[str, Any], now: int) -> None:
        """Go on from what `save` returned, in place of all. Raises StateError.

        Where `group_by` is another, groups begin anew; what was told of each alert stays.
        """
        try:
            silences = Silences()
            silences.load(state["silences"])
            records = [_Record(Alert(**plain), *rest) for plain, *rest in state["records"]]
            told = {tuple(key): (last, opens) for key, last, opens in state["groups"]}
            history = [Alert(**each) for each in state["history"]]
            counts = Counter(state["counts"])
        except (KeyError, TypeError, ValueError) as error:
            raise StateError(f"the state of alerts cannot be read: {error!r}") from None
        self.silences, self.counts = silences, counts
        self._history.clear()
        self._history.extend(history)
        self._records = {each.alert.fingerprint: each for each in records[-self._most :]}
        self._groups, self._heap = {}, []
        for name, record in self._records.items():
            key = self._group_of(record.alert)
            last, opens = told.get(key, (None, None))
            group = self._groups.setdefault(key, _Group(last=last, opens=opens))
            group.members[name] = record
        for key in self._groups:
            self._plan(key, now)

    # -- one alert

    def _change(self, record: _Record, alert: Alert) -> None:
        known = record.alert
        begins = alert.since != known.since or (known.state == RESOLVED != alert.state)
        if begins and known.state != RESOLVED and record.fired:
            self._remember(dataclasses.replace(known, state=RESOLVED, time=alert.time))
        if begins:
            # Where its end was missed, people know of the episode before and hear of this one.
            record.told, record.fired = "", False
        elif weight(alert.priority) > weight(known.priority):
            record.told = ""  # graver than what people know
        elif known.acknowledged:
            at = known.acknowledged_at
            alert = dataclasses.replace(alert, acknowledged=True, by=known.by, acknowledged_at=at)
        record.alert = alert

    def _due_of(self, record: _Record, now: int) -> tuple[int, bool]:
        """Return when something is to be done of an alert, and whether that is to tell of it."""
        alert, terms = record.alert, self.terms
        if alert.state == PENDING:
            return FAR, False
        if alert.state == RESOLVED:
            if record.told == FIRING:
                return now, True
            return self._kept_until(record), False
        if alert.acknowledged:
            return FAR, False
        at = now
        if record.notified is not None:
            again = terms.repeat_interval if record.told == FIRING else 0
            at = max(now, record.notified + max(again, terms.cool_down))
        return max(at, self.silences.until(alert, now) or at), True

    def _kept_until(self, record: _Record) -> int:
        group = self._groups[self._group_of(record.alert)]
        cool = 0 if record.notified is None else record.notified + self.terms.cool_down
        return max(cool, 0 if group.last is None else group.last + self.terms.group_interval)

    def _remember(self, alert: Alert) -> None:
        if len(self._history) == self._history.maxlen:
            self.counts["forgotten"] += 1
        self._history.append(alert)

    def _make_room(self) -> bool:
        """Forget an alert that is over and of which nothing is left to tell."""
        if self._crammed:
            return False
        for name, record in self._records.items():
            if record.alert.state == RESOLVED and record.told != FIRING:
                self._leave(name, record.alert)
                del self._records[name]
                return True
        self._crammed = True
        return False

    def _pass_over(self, why: str) -> bool:
        self.counts[why] += 1
        return False

    def _shown(self, alert: Alert, now: int) -> Alert:
        until = self.silences.until(alert, now)
        if until is None:
            return alert
        return dataclasses.replace(alert, silenced=True, until=until)

    # -- groups

    def _group_of(self, alert: Alert) -> tuple[str, ...]:
        return tuple(getattr(alert, label) for label in self.terms.group_by)

    def _leave(self, name: str, alert: Alert) -> None:
        key = self._group_of(alert)
        group = self._groups[key]
        group.members.pop(name, None)
        if group.members:
            return
        if group.last is None:
            del self._groups[key]
        else:
            self._set_due(key, group, group.last + self.terms.group_interval)

    def _schedule(self, record: _Record, now: int) -> None:
        """Have a group looked at for the sake of one member: never too late, perhaps too early."""
        at, tells = self._due_of(record, now)
        key = self._group_of(record.alert)
        group = self._groups[key]
        if tells:
            if group.opens is None:
                group.opens = now + self.terms.group_wait
            at = max(at, group.opens)
        if at < group.due:
            self._set_due(key, group, at)

    def _plan(self, key: tuple[str, ...], now: int) -> None:
        """Have a group looked at when its next member is due."""
        group = self._groups.get(key)
        if group is None:
            return
        due, of_interest = FAR, False
        for record in group.members.values():
            at, tells = self._due_of(record, now)
            due = min(due, max(at, group.opens or at) if tells else at)
            of_interest |= tells
        if group.last is None and not of_interest:
            group.opens = None  # what opened it is over: the next begins its wait anew
        if not group.members and group.last is not None:
            due = group.last + self.terms.group_interval
        self._set_due(key, group, due)

    def _set_due(self, key: tuple[str, ...], group: _Group, due: int) -> None:
        group.due = due
        if due < FAR:
            heapq.heappush(self._heap, (due, key))
        if len(self._heap) > 2 * len(self._groups) + _SLACK:
            self._heap = [(each.due, key) for key, each in self._groups.items() if each.due < FAR]
            heapq.heapify(self._heap)

    def _stale(self, entry: tuple[int, tuple[str, ...]]) -> bool:
        group = self._groups.get(entry[1])
        return group is None or group.due != entry[0]

    def _tell(self, key: tuple[str, ...], now: int) -> Notice | None:
        group = self._groups[key]
        due = (self._due_of(each, now) for each in group.members.values())
        if not any(tells and at <= now for at, tells in due) or (group.opens or 0) > now:
            return None
        told = list(self._told(group.members.values(), now))
        if not told:
            return None
        group.last, group.opens = now, now + self.terms.group_interval
        labels = dict(zip(self.terms.group_by, key, strict=True))
        return Notice(labels, tuple(sorted(told, key=_order)), now)

    def _told(self, members: Iterable[_Record], now: int) -> Iterable[Alert]:
        """Yield what a notice of a group says, and note that people know it."""
        for record in members:
            alert = record.alert
            muted = self.silences.until(alert, now) is not None
            if alert.state == RESOLVED and record.told == FIRING:
                record.told = RESOLVED
                if not muted:
                    yield alert
            elif alert.state == FIRING and not (
                muted or alert.acknowledged or self._cool(record, now)
            ):
                record.told, record.notified = FIRING, now
                yield alert

    def _cool(self, record: _Record, now: int) -> bool:
        return record.notified is not None and now < record.notified + self.terms.cool_down

    def _forget(self, key: tuple[str, ...], now: int) -> None:
        """Let go of members of which nothing is left to tell, and of a group without any."""
        group = self._groups[key]
        for name, record in list(group.members.items()):
            at, tells = self._due_of(record, now)
            if record.alert.state == RESOLVED and not tells and at <= now:
                del group.members[name], self._records[name]
        if not group.members and (
            group.last is None or group.last + self.terms.group_interval <= now
        ):
            del self._groups[key]


def _order(alert: Alert) -> tuple[str, int, str, str]:
    return (alert.state, -weight(alert.priority), alert.rule, alert.key)
