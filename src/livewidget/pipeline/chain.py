"""Operators one after another."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from livewidget.data.batch import Batch, concat
from livewidget.data.clock import Clock
from livewidget.data.errors import SettingError, StateError, quote
from livewidget.data.schema import Schema
from livewidget.pipeline.guard import Guard
from livewidget.pipeline.operator import Bound, Memory, Moment, Operator, State, Tally


class Pipeline(Operator):
    """Operators one after another; itself an operator, walked once when it is bound.

    Each is tried `retries` times more on a batch on which it raises; what still fails then is
    rejected row by row (see `Guard`). Raises SettingError for what is no operator.
    """

    name = "pipeline"

    def __init__(self, operators: Iterable[Operator] = (), *, retries: int = 0) -> None:
        self.operators = tuple(operators)
        for each in self.operators:
            if not isinstance(each, Operator):
                raise SettingError(f"a pipeline is made of operators, got {quote(each)}")
        if retries < 0:
            raise SettingError(f"retries is a number from 0 up, got {quote(retries)}")
        self._retries = retries

    @property
    def heavy(self) -> bool:  # type: ignore[override]  # what an operator is told, a pipeline finds
        """Whether one of them is."""
        return any(each.heavy for each in self.operators)

    def bind(self, schema: Schema, clock: Clock) -> Bound:
        """Bind each to what the one before it gives."""
        steps: list[Guard] = []
        memories: dict[str, Memory | None] = {}
        for place, operator in enumerate(self.operators):
            bound = operator.bind(schema, clock)
            memories[f"{place} {operator.name}"] = bound.memory
            steps.append(Guard(bound, operator.name, self._retries))
            schema = bound.schema

        def walk(batch: Batch, tally: Tally, first: int = 0) -> Batch:
            for step in steps[first:]:
                if not len(batch):
                    return Batch.empty(schema)
                batch = step(batch, tally)
            return batch

        def tick(moment: Moment, tally: Tally) -> Batch:
            due = [
                walk(step.tick(moment, tally), tally, place)
                for place, step in enumerate(steps, 1)
                if step.ticks
            ]
            return concat([each for each in due if len(each)] or [Batch.empty(schema)])

        return Bound(
            schema,
            walk,
            tick if any(step.ticks for step in steps) else None,
            Memories(memories) if any(memories.values()) else None,
        )


class Memories:
    """The memories of several operators as one, each under its place and name."""

    def __init__(self, memories: Mapping[str, Memory | None]) -> None:
        self._memories = {name: it for name, it in memories.items() if it is not None}

    def save(self) -> State:
        """Return the state of all."""
        return {name: memory.save() for name, memory in self._memories.items()}

    def load(self, state: State) -> None:
        """Have each go on from its own. Raises StateError where these are other operators."""
        if state.keys() != self._memories.keys():
            kept, here = ", ".join(state) or "none", ", ".join(self._memories)
            raise StateError(f"the state is of other operators: it has {kept}; these are {here}")
        for name, memory in self._memories.items():
            memory.load(state[name])
