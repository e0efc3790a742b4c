"""Models of river as bytes and back, by an unpickler that knows nothing but what they need."""

from __future__ import annotations

import io
import pickle
from typing import Any

from livewidget.data.errors import MissingExtraError, StateError, quote

MOST_BYTES = 16 * 2**20  # a forest of half-space trees has 0.2 MB
_PLAIN = {
    "builtins": {"bool", "complex", "dict", "float", "frozenset", "int", "list", "set", "tuple"},
    "collections": {"Counter", "OrderedDict", "defaultdict", "deque"},
    "functools": {"partial"},  # of one of these: it can call nothing else
    "numpy": {"dtype", "ndarray"},
    "numpy._core.multiarray": {"_reconstruct", "scalar"},
    "numpy.core.multiarray": {"_reconstruct", "scalar"},
    "random": {"Random"},
}
_PARTS = {
    *("_river_rust", "anomaly", "compose", "drift", "linear_model", "optim", "preprocessing"),
    *("stats", "time_series", "tree", "utils"),
}


def river(name: str) -> Any:
    """Return a module of river. Raises MissingExtraError."""
    from importlib import import_module

    try:
        return import_module(f"river.{name}")
    except ImportError:
        raise MissingExtraError("river", "ml") from None


def freeze(model: object) -> bytes:
    """Return a model of river as bytes."""
    return pickle.dumps(model, protocol=5)


def thaw(data: object, kind: type) -> Any:
    """Return the model of `kind` that `freeze` was given.

    Raises StateError for bytes that are damaged, of another kind, or name anything but classes of
    river, plain containers and numpy arrays: nothing else is looked up, let alone called.
    """
    if not isinstance(data, bytes) or len(data) > MOST_BYTES:
        raise StateError(f"a model is at most {MOST_BYTES:,} bytes; got {quote(data)}")
    try:
        model = _Unpickler(io.BytesIO(data)).load()
    except StateError:
        raise
    except Exception as error:
        raise StateError(f"a model cannot be read: {quote(str(error), 200)[1:-1]}") from error
    if type(model) is not kind:
        raise StateError(f"the model is a {type(model).__name__}, expected {kind.__name__}")
    return model


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if module == "builtins" and name == "getattr":
            return _method
        if name in _PLAIN.get(module, ()):
            return super().find_class(module, name)
        own, part, *_ = [*module.split("."), ""]
        if own == "river" and part in _PARTS and "." not in name:
            found = super().find_class(module, name)
            # A class, and one of river's own: not what one of its modules happens to import.
            if isinstance(found, type) and found.__module__.startswith("river."):
                return found
        raise StateError(f"a model may not hold {quote(f'{module}.{name}')}")


def _method(owner: Any, name: str) -> Any:
    """Return a method of a model of river: that is how pickle keeps one, as a call of getattr."""
    if type(owner).__module__.startswith("river.") and not name.startswith("__"):
        return getattr(owner, name)
    raise StateError(f"a model may not hold {quote(name)} of a {type(owner).__name__}")
