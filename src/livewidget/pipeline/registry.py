"""The names that operators have in a file, and how each is built of its settings."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Any

from livewidget.data.errors import SettingError, quote
from livewidget.pipeline.alerts import Alert
from livewidget.pipeline.bytype import ByType
from livewidget.pipeline.calculate import Calculate, Filter, Functions
from livewidget.pipeline.clean import Clean, Clip, Deduplicate, Normalise
from livewidget.pipeline.enrich import TimeFeatures
from livewidget.pipeline.fill import ForwardFill, Interpolate
from livewidget.pipeline.geo import Cell, Distance
from livewidget.pipeline.lookup import Lookup
from livewidget.pipeline.models import Detect, Drift, Forecast, Trend
from livewidget.pipeline.operator import Operator
from livewidget.pipeline.parse import Parse
from livewidget.pipeline.relating.correlation import Correlation
from livewidget.pipeline.relating.lead_lag import LeadLag
from livewidget.pipeline.rolling import Rolling
from livewidget.pipeline.route import Route
from livewidget.pipeline.sequence import Sequence
from livewidget.pipeline.shape import Drop, Rename, Select
from livewidget.pipeline.spatial.clusters import Clusters
from livewidget.pipeline.spatial.hulls import Hulls
from livewidget.pipeline.validate import Validate
from livewidget.pipeline.windows.operator import Window

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


def by_names(make: Callable[..., Operator]) -> Factory:
    """Return the factory of an operator that takes names of columns, a list in `columns`."""

    def build(settings: Mapping[str, Any], functions: Functions | None) -> Operator:
        del functions
        if settings.keys() != {"columns"} or not isinstance(settings["columns"], list):
            raise SettingError("its one setting is columns, a list of names")
        return make(*settings["columns"])

    return build


def _by_type(settings: Mapping[str, Any], functions: Functions | None) -> Operator:
    """Return a `ByType`; the operators of each type are a list of tables."""

    def chain(tables: object) -> list[Operator]:
        if not isinstance(tables, list):
            raise SettingError(f"the operators of a type are a list of tables, got {quote(tables)}")
        return [build(table, functions) for table in tables]

    types = settings.get("types")
    if not isinstance(types, Mapping):
        raise SettingError(f"types is a table of types and their operators, got {quote(types)}")
    made = {name: chain(tables) for name, tables in types.items()}
    rest = {name: value for name, value in settings.items() if name not in ("types", "other")}
    return by_keyword(ByType)(
        {**rest, "types": made, "other": chain(settings.get("other", []))}, functions
    )


FACTORIES: dict[str, Factory] = {
    "alert": by_keyword(Alert),
    "by_type": _by_type,
    "calculate": by_column(Calculate),
    "cell": by_keyword(Cell),
    "clean": by_keyword(Clean),
    "clip": by_column(Clip),
    "clusters": by_keyword(Clusters),
    "correlation": by_keyword(Correlation),
    "deduplicate": by_keyword(Deduplicate),
    "detect": by_keyword(Detect),
    "distance": by_keyword(Distance),
    "drift": by_keyword(Drift),
    "drop": by_names(Drop),
    "filter": by_keyword(Filter),
    "forecast": by_keyword(Forecast),
    "forward_fill": by_keyword(ForwardFill),
    "hulls": by_keyword(Hulls),
    "interpolate": by_keyword(Interpolate),
    "lead_lag": by_keyword(LeadLag),
    "lookup": by_keyword(Lookup),
    "normalise": by_column(Normalise),
    "parse": by_keyword(Parse),
    "rename": by_column(Rename),
    "rolling": by_keyword(Rolling),
    "route": by_keyword(Route),
    "select": by_names(Select),
    "sequence": by_keyword(Sequence),
    "time_features": by_keyword(TimeFeatures),
    "trend": by_keyword(Trend),
    "validate": by_column(Validate),
    "window": by_keyword(Window),
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
