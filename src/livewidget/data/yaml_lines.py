"""A YAML text as plain data, with the line of each place; by PyYAML's safe loader."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from livewidget.data.errors import MissingExtraError, SettingError, quote
from livewidget.data.toml_lines import Place

MOST_NODES = 20_000  # with what aliases stand for counted each time: a bomb of them is refused
MOST_DEPTH = 50


def yaml_lines(text: str, name: str) -> tuple[dict[str, Any], Mapping[Place, int]]:
    """Return the data of a YAML text, and the line, from 1, of each place in it.

    Raises SettingError that names the line: for what is no YAML, no mapping, has a key that is no
    text or stands there twice, a tag that is not safe, or aliases that stand for too much.
    """
    try:
        import yaml
    except ImportError:
        raise MissingExtraError("pyyaml", "yaml") from None
    try:
        loader = yaml.SafeLoader(text)
        try:
            root = loader.get_single_node()
            if root is None:
                return {}, {}
            _check(root, name)
            data = loader.construct_document(root)
        finally:
            loader.dispose()
    except yaml.YAMLError as error:
        raise _unreadable(error, name) from None
    except (ValueError, LookupError, AttributeError, TypeError) as error:  # a tag that does not fit
        raise SettingError(f"{name}: {error}") from None
    if not isinstance(data, dict):
        raise SettingError(f"{name}, line 1: it is a mapping of settings, got {quote(data)}")
    return data, {place: node.start_mark.line + 1 for place, node in _places(root)}


def _unreadable(error: Any, name: str) -> SettingError:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    what = getattr(error, "problem", None) or " ".join(str(error).split())
    where = f", line {mark.line + 1}" if mark is not None else ""
    return SettingError(f"{name}{where}: {what}")


def _check(root: Any, name: str) -> None:
    """Refuse aliases that stand for too much, and keys that are no text or are there twice."""
    stack, count = [(root, 1)], 0
    while stack:
        node, depth = stack.pop()
        count += 1
        if count > MOST_NODES or depth > MOST_DEPTH:
            what = f"it stands for more than {MOST_NODES} values, or is nested deeper than"
            raise _at(node, name, f"{what} {MOST_DEPTH}")
        if isinstance(node.value, str):
            continue
        if node.id == "mapping":
            _check_keys(node, name)
            stack += [(value, depth + 1) for _, value in node.value]
        else:
            stack += [(each, depth + 1) for each in node.value]


def _check_keys(node: Any, name: str) -> None:
    seen = set()
    for key, _ in node.value:
        if key.tag == "tag:yaml.org,2002:merge":
            continue
        if key.tag != "tag:yaml.org,2002:str" or not isinstance(key.value, str):
            raise _at(key, name, f"a key is text: put {quote(key.value, 40)} in quotes")
        if key.value in seen:
            raise _at(key, name, f"the key {quote(key.value, 40)} is there twice")
        seen.add(key.value)


def _at(node: Any, name: str, what: str) -> SettingError:
    return SettingError(f"{name}, line {node.start_mark.line + 1}: {what}")


def _places(node: Any, place: Place = ()) -> Iterator[tuple[Place, Any]]:
    """Yield each place with the node that shows its line: of a value of a key, the key."""
    if not place:
        yield place, node
    if isinstance(node.value, str):
        return
    for number, item in enumerate(node.value):
        key, value = item if node.id == "mapping" else (None, item)
        inner = (*place, number if key is None else key.value)
        yield inner, value if key is None else key
        yield from _places(value, inner)
