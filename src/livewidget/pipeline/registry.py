"""The names that operators have in a file, and how each is built of its settings."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Any

from livewidget.data.errors import SettingError, quote
from livewidget.pipeline.calculate import Calculate, Filter, Functions
from livewidget.pipeline.operator import Operator
from livewidget.pipeline.parse import Parse
from livewidget.pipeline.route import Route

Factory = Callable[[Mapping[str, Any], Functions | None], Operator]


def by_keyword(make: Callable[..., Operator]) -> Factory:
    """Return the factory of an operator whose settings are its keywords.

    `functions` are handed to it where it takes them; a file cannot set them.
    """
    parameters = inspect.signature(make).parameters
    names = [name for name in parameters if name != "functions"]
    needed = [name for name in names if parameters[name].default is inspect.Parameter.empty]

    def build(settings: Mapping[str, Any], functions: Functions | None) -> Operator:
        for name in settings:
            if name not in names:
                raise SettingError(_unknown("setting", name, names))
        for name in needed:
            if name not in settings:
                raise SettingError(f"the setting {name!r} is missing")
        own = {"functions": functions} if "functions" in parameters else {}
        return make(**settings, **own)

    return build


def by_column(make: Callable[..., Operator]) -> Factory:
    """Return the factory of an operator whose settings are columns, taken as one mapping."""
    takes = "functions" in inspect.signature(make).parameters

    def build(settings: Mapping[str, Any], functions: Functions | None) -> Operator:
        return make(settings, functions=functions) if takes else make(settings)

    return build


FACTORIES: dict[str, Factory] = {
    "calculate": by_column(Calculate),
    "filter": by_keyword(Filter),
    "parse": by_keyword(Parse),
    "route": by_keyword(Route),
}


def register(name: str, factory: Factory) -> None:
    """Add an operator of one's own, `do = "name"`. Raises SettingError for a name that is taken."""
    if name in FACTORIES:
        raise SettingError(f"there is an operator {quote(name)} already")
    FACTORIES[name] = factory


def build(table: object, functions: Functions | None = None) -> Operator:
    """Return the operator of one table, whose `do` names it and whose other keys are its settings.

    Raises SettingError for a name or a setting that is none.
    """
    if not isinstance(table, Mapping):
        raise SettingError(f"an operator is a table with a name, do = '...'; got {quote(table)}")
    name = table.get("do")
    if not isinstance(name, str) or name not in FACTORIES:
        raise SettingError(f"do {_unknown('operator', name, FACTORIES)}")
    settings = {key: value for key, value in table.items() if key != "do"}
    try:
        return FACTORIES[name](settings, functions)
    except SettingError:
        raise
    except (TypeError, ValueError, AttributeError, LookupError) as error:
        raise SettingError(
            f"{name} cannot be made of its settings: {error}; they are {quote(settings)}"
        ) from error


def _unknown(what: str, name: object, there: Any) -> str:
    close = get_close_matches(str(name), list(there), n=1)
    hint = f"did you mean {close[0]!r}? " if close else ""
    return f"names no {what}, {quote(name)}; {hint}the {what}s are {', '.join(sorted(there))}"
