"""An alert as it stands, and what is told of several."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from livewidget.data.batch import Batch
from livewidget.data.convert import Column
from livewidget.data.schema import DTYPES, Kind
from livewidget.data.text import Text
from livewidget.pipeline.alerts.event import ALERTS, FIRING, PRIORITIES, RESOLVED, STATES

LABELS = ("rule", "key", "priority")


@dataclass(frozen=True, slots=True)
class Alert:
    """What is known of one rule and key. Immutable. `time` (of the last change) and `since` in ns.

    `acknowledged`, `by` and `acknowledged_at` (ns) say whether a person knows, who and since when;
    `silenced` whether nobody is told
    now, `until` when that ends (ns).
    """

    rule: str
    key: str
    state: str
    priority: str
    value: float
    time: int
    since: int
    message: str
    acknowledged: bool = False
    by: str = ""
    acknowledged_at: int | None = None
    silenced: bool = False
    until: int | None = None

    @property
    def fingerprint(self) -> str:
        """The rule and the key in 16 hexadecimal digits."""
        return fingerprint(self.rule, self.key)

    @property
    def id(self) -> str:
        """One of its own for each time that the condition held, from pending to resolved."""
        return f"{self.fingerprint}-{self.since:x}"

    def as_dict(self) -> dict[str, Any]:
        """Return everything as plain data, the id and the fingerprint included."""
        return {"id": self.id, "fingerprint": self.fingerprint} | self.save()

    def save(self) -> dict[str, Any]:
        """Return the fields by name."""
        return {name: getattr(self, name) for name in _FIELDS}


_FIELDS = tuple(field.name for field in dataclasses.fields(Alert))


@dataclass(frozen=True, slots=True)
class Notice:
    """What is told at once: the alerts of one group, at `at` (ns UTC). Immutable.

    `labels` are those that the alerts were grouped by.
    """

    labels: dict[str, str]
    alerts: tuple[Alert, ...]
    at: int

    @property
    def status(self) -> str:
        """`firing` where an alert does, else `resolved`."""
        return FIRING if any(each.state == FIRING for each in self.alerts) else RESOLVED

    @property
    def group(self) -> str:
        """The group in one word, as Alertmanager writes it: `{}:{rule="hot"}`."""
        inner = ", ".join(f'{name}="{_escaped(value)}"' for name, value in self.labels.items())
        return f"{{}}:{{{inner}}}"

    @property
    def id(self) -> str:
        """The same at every attempt to deliver it, another for every other notice."""
        told = [f"{each.id} {each.state}" for each in self.alerts]
        return _digest("\n".join([self.group, str(self.at), *told]), 16)

    @property
    def priority(self) -> str:
        """The weightiest of its alerts."""
        return max((each.priority for each in self.alerts), key=weight)

    def save(self) -> dict[str, Any]:
        """Return it as plain data."""
        alerts = [each.save() for each in self.alerts]
        return {"labels": self.labels, "alerts": alerts, "at": self.at}

    @classmethod
    def load(cls, state: dict[str, Any]) -> Notice:
        """Return what `save` has written. Raises KeyError or TypeError for what it has not."""
        alerts = tuple(Alert(**each) for each in state["alerts"])
        return cls(dict(state["labels"]), alerts, state["at"])


def fingerprint(rule: str, key: str) -> str:
    """Return what stands for a rule and a key."""
    return _digest(f"{len(rule)} {rule}{key}", 8)


def weight(priority: str) -> int:
    """Return a number that rises with the priority; -1 for one that is none."""
    return PRIORITIES.index(priority) if priority in PRIORITIES else -1


def alerts_of(batch: Batch, reject: Callable[[str], object]) -> Iterator[Alert]:
    """Return an iterator over the rows of a batch under `ALERTS`, in whatever order its columns.

    `reject` gets the reason for a row whose state or priority is none. Raises SchemaError for a
    batch that lacks a column.
    """
    for name in ALERTS.names:
        batch.schema.index(name)
    return _alerts(batch, reject)


def batch_of(alerts: Sequence[Alert]) -> Batch:
    """Return alerts as a batch under `ALERTS`."""
    columns: list[Column] = []
    for field in ALERTS.fields:
        values = [getattr(each, field.name) for each in alerts]
        is_text = field.kind is Kind.TEXT
        columns.append(Text.encode(values) if is_text else np.array(values, DTYPES[field.kind]))
    return Batch(ALERTS, tuple(columns))


def _alerts(batch: Batch, reject: Callable[[str], object]) -> Iterator[Alert]:
    for row in batch.rows():
        values: dict[str, Any] = {name: row[name] for name in ALERTS.names}
        for name, known in _WORDS.items():
            if values[name] not in known:
                reject(f"{name} is one of {', '.join(known)}; got {values[name]!r}")
                break
        else:
            yield Alert(**values | {name: values[name] or "" for name in _TEXTS})


_WORDS = {"state": STATES, "priority": PRIORITIES}
_TEXTS = ("rule", "key", "message")


def _digest(text: str, size: int) -> str:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=size).hexdigest()


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
