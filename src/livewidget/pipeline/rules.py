"""Operators from a file of settings, and rules that are read again while they run."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from livewidget.data.batch import Batch
from livewidget.data.clock import Clock
from livewidget.data.document import Document
from livewidget.data.errors import LivewidgetError, SchemaError, SettingError, quote
from livewidget.data.schema import Schema
from livewidget.data.toml_lines import Place
from livewidget.pipeline.calculate import Functions
from livewidget.pipeline.chain import Pipeline
from livewidget.pipeline.operator import Bound, Moment, Operator, State, Tally
from livewidget.pipeline.registry import build

CHECK_S = 1.0  # seconds between two looks at the file
MOST_OPERATORS = 200
log = logging.getLogger("livewidget")


class Written(Operator):
    """An operator that stands in a file: what is wrong with it names the file and the line."""

    def __init__(
        self, table: object, document: Document, place: Place, functions: Functions | None
    ) -> None:
        self._table: Mapping[str, Any] = table if isinstance(table, Mapping) else {}
        self._document = document
        self._place = place
        try:
            self.operator = build(table, functions)
        except SettingError as error:
            raise self._placed(error) from error.__cause__
        self.name = self.operator.name

    @property
    def heavy(self) -> bool:  # type: ignore[override]  # what an operator is told, this one finds
        """Whether the operator itself is."""
        return self.operator.heavy

    def bind(self, schema: Schema, clock: Clock) -> Bound:
        """Bind the operator. Raises what it raises, with the file and the line."""
        try:
            return self.operator.bind(schema, clock)
        except (SchemaError, SettingError) as error:
            raise type(error)(str(self._placed(error))) from None

    def _placed(self, error: Exception) -> SettingError:
        message = str(error)
        return self._document.error((*self._place, *_culprit(message, self._table)), message)


def operators(
    tables: object, document: Document, path: Place, functions: Functions | None = None
) -> list[Operator]:
    """Return the operators of a list of tables, which stands at `path` in a document.

    In TOML each is a `[[pipeline]]` with `do = "filter"` and the settings of a `Filter`; see
    `registry` for the names. Raises SettingError that names the file and the line.
    """
    if not isinstance(tables, list) or len(tables) > MOST_OPERATORS:
        what = f"{'.'.join(map(str, path))} is a list of at most {MOST_OPERATORS} operators"
        raise document.error(path, f"{what}, each a table with do = '...'; got {quote(tables)}")
    return [
        Written(table, document, (*path, number), functions) for number, table in enumerate(tables)
    ]


class Rules(Operator):
    """The operators in a TOML or YAML file, read again when the file changes.

    They stand under `key`, `[[pipeline]]` in TOML. While batches pass, the file is looked at once a
    second; a changed one is read, checked and bound, and takes over between two batches, with
    state of its own anew. One that is wrong in any way, or gives columns other than those the first
    one promised, is refused: the rules in use go on, `error` says why with the line, and so does
    one warning on the logger "livewidget". `functions` are the user's own, for expressions.

    Raises SettingError, with the file and the line, for a file that is wrong at the start.
    """

    name = "rules"

    def __init__(
        self, path: str | Path, *, key: str = "pipeline", functions: Functions | None = None
    ) -> None:
        self.path = Path(path)
        self.key = key
        self.error = ""  # why the file as it is now is not in use; empty where it is
        self.loaded_at: int | None = None  # when the rules in use were read, ns UTC
        self._functions = functions
        self._heavy = self.read().heavy

    @property
    def heavy(self) -> bool:  # type: ignore[override]  # what an operator is told, a file says
        """Whether one of those that were read last is."""
        return self._heavy

    def read(self) -> Pipeline:
        """Return the operators in the file as it is now. Raises SettingError."""
        document = Document.load(self.path)
        if self.key not in document.data:
            raise document.error((), f"there is no {quote(self.key)} in it")
        tables = document.data[self.key]
        return Pipeline(operators(tables, document, (self.key,), self._functions))

    def bind(self, schema: Schema, clock: Clock) -> Bound:
        """Read the file and bind what is in it. Raises SchemaError and SettingError."""
        state = _file_state(self.path)
        pipeline = self.read()
        bound = pipeline.bind(schema, clock)
        self.taken(pipeline, clock)
        live = _Live(self, schema, bound, clock, state)
        return Bound(bound.schema, live.step, live.tick, live)

    def taken(self, pipeline: Pipeline, clock: Clock) -> None:
        """Note that these are the rules in use from now on."""
        self._heavy = pipeline.heavy
        self.error, self.loaded_at = "", clock.now()


class _Live:
    """The rules of one stream, as they are in use. Its step is called by one thread at a time."""

    def __init__(
        self, rules: Rules, schema: Schema, bound: Bound, clock: Clock, state: object
    ) -> None:
        self._rules = rules
        self._schema = schema
        self._promised = bound.schema
        self._inner = bound
        self._clock = clock
        self._state = state
        self._due = clock.monotonic() + CHECK_S

    def step(self, batch: Batch, tally: Tally) -> Batch:
        now = self._clock.monotonic()
        if now >= self._due:
            self._due = now + CHECK_S
            self._look()
        return self._inner.step(batch, tally)

    def tick(self, moment: Moment, tally: Tally) -> Batch:
        """Return what the rules in use give by the clock."""
        if self._inner.tick is None:
            return Batch.empty(self._promised)
        return self._inner.tick(moment, tally)

    def save(self) -> State:
        """Return the state of the rules in use."""
        return {} if self._inner.memory is None else self._inner.memory.save()

    def load(self, state: State) -> None:
        """Have the rules in use go on from a state."""
        if self._inner.memory is not None:
            self._inner.memory.load(state)

    def _look(self) -> None:
        state = _file_state(self._rules.path)
        if state == self._state:
            return
        self._state = state  # as it was before the reading: what is written meanwhile is seen next
        try:
            self._inner = self._checked()
        except LivewidgetError as error:
            self._rules.error = str(error)
            log.warning("the rules were not taken, those before go on: %s", error)

    def _checked(self) -> Bound:
        pipeline = self._rules.read()
        bound = pipeline.bind(self._schema, self._clock)
        if bound.schema != self._promised:
            raise SettingError(
                f"{self._rules.path}, line 1: the columns that come out may not change while it "
                f"runs; they are {self._promised!r}, and would be {bound.schema!r}"
            )
        self._rules.taken(pipeline, self._clock)
        return bound


def _file_state(path: Path) -> tuple[int, int, int] | None:
    """Return what changes when a file does; None where it cannot be looked at."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _culprit(message: str, table: Mapping[str, Any]) -> Sequence[str]:
    """Return where in a table the setting stands that a message names first; nothing if unknown."""
    found = []
    head = message.partition("\n")[0].partition(": ")[0]
    for place, value in _settings(table):
        at = 0 if head.startswith(f"{place[-1]} ") else head.find(repr(place[-1]))
        if at < 0 and isinstance(value, str):
            shown = len(head) if f"\n    {value}\n" in message else -1
            at = head.find(repr(value)) if value in head else shown
        if at >= 0:
            found.append((at, place))
    return min(found)[1] if found else []


def _settings(table: Mapping[str, Any]) -> Iterator[tuple[list[str], Any]]:
    for key, value in table.items():
        yield [key], value
        if isinstance(value, Mapping):
            yield from (([key, inner], each) for inner, each in value.items())
