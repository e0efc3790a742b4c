"""What a model is: it learns as values come, and says of each what it makes of it."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from livewidget.data.errors import SettingError, StateError, quote
from livewidget.pipeline.operator import State

Floats = npt.NDArray[np.float64]
Times = npt.NDArray[np.int64]
NAN = float("nan")


class Estimate(NamedTuple):
    """What a model makes of one value. NaN where it has nothing to say of that.

    `score` is how unusual the value is, in units of the model; `anomaly` whether it is so unusual
    that somebody should look. `expected`, `low` and `high` are a band in units of the value, and
    `baseline` is what the simplest model would have said, to be compared with. `note` is a word
    or a reason.
    """

    score: float = NAN
    anomaly: bool = False
    expected: float = NAN
    low: float = NAN
    high: float = NAN
    baseline: float = NAN
    note: str | None = None


class Model(Protocol):
    """Learns one value after another; each key of a stream has a model of its own.

    Write one of your own with `step` alone. With `save` and `load` (see `Lasting`) it outlives the
    process. `band = True` says that it has a band. Called by one thread at a time.
    """

    def step(self, time: int, value: float) -> Estimate | None:
        """Say what to make of a value by what came before, then learn from it.

        `time` is ns UTC and may go back where a row is late; `value` is finite. None where there
        is nothing to say yet; an estimate has a finite score, or an expected value.
        """
        ...


@runtime_checkable
class Lasting(Protocol):
    """A model whose state outlives a process. A class whose states changed counts `version` up."""

    def save(self) -> State:
        """Return the state as plain data and numpy arrays, all of it copied."""
        ...

    def load(self, state: State) -> None:
        """Go on from a state. Raises StateError, KeyError or ValueError where it does not fit."""
        ...


@runtime_checkable
class Vectorised(Protocol):
    """A model that also takes many values at once, with the results that `step` would give."""

    def run(self, times: Times, values: Floats) -> Estimates:
        """Return the estimates of values in order of arrival. Where it raises, it learned nothing.

        Rows that it has nothing to say of are NaN.
        """
        ...


class Estimates:
    """Estimates of many rows, as arrays by the names of `Estimate`."""

    __slots__ = Estimate._fields

    def __init__(self, size: int) -> None:
        self.score: Floats = np.full(size, NAN)
        self.anomaly: npt.NDArray[np.bool_] = np.zeros(size, dtype=bool)
        self.expected: Floats = np.full(size, NAN)
        self.low: Floats = np.full(size, NAN)
        self.high: Floats = np.full(size, NAN)
        self.baseline: Floats = np.full(size, NAN)
        self.note: npt.NDArray[np.object_] = np.full(size, None, dtype=object)

    def put(self, rows: npt.NDArray[np.intp], others: Estimates) -> None:
        """Set rows to other estimates, one for each."""
        for name in self.__slots__:
            getattr(self, name)[rows] = getattr(others, name)

    def set(self, row: int, estimate: Estimate) -> None:
        """Set one row."""
        for name, value in zip(self.__slots__, estimate, strict=True):
            getattr(self, name)[row] = value


Make = Callable[[], Model]


def maker(model: object, names: dict[str, Make], setting: str = "model") -> Make:
    """Return what makes a model for a key: of a name, of a class or function, or of an object.

    An object is copied as it is now, for each key. Raises SettingError for anything else.
    """
    if isinstance(model, str):
        if model not in names:
            raise SettingError(f"{setting} is one of {', '.join(names)}; got {quote(model)}")
        return names[model]
    if hasattr(model, "step") and not isinstance(model, type):
        try:
            pattern = copy.deepcopy(model)
        except Exception as error:
            raise SettingError(f"{setting} {quote(model)} cannot be copied: {error}") from error
        return lambda: copy.deepcopy(pattern)
    if callable(model):
        return model
    raise SettingError(
        f"{setting} is one of {', '.join(names)}, an object with a method step(time, value), "
        f"or a function that returns one; got {quote(model)}"
    )


def kind_of(model: object) -> str:
    """Return the name and version of a model, under which its states are kept."""
    return f"{type(model).__name__}/{getattr(model, 'version', 1)}"


def fields_of(state: Any, *names: str) -> list[Any]:
    """Return parts of a state. Raises StateError where it is none, or lacks one."""
    if not isinstance(state, dict) or not all(name in state for name in names):
        raise StateError(f"a state with {', '.join(names)} was expected; got {quote(state)}")
    return [state[name] for name in names]
