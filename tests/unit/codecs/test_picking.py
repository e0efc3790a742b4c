import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livewidget.codecs.picking import key_at, part_at

values = st.recursive(
    st.none()
    | st.booleans()
    | st.just(float("inf"))
    | st.integers(-9, 9)
    | st.text("ab", max_size=2),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("abc"), inner),
    max_leaves=8,
)


def slow_twin(value, path):
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value


@given(values, st.sampled_from(["a", "b.a", "a.b.c"]))
def test_what_is_picked_is_what_lies_there(value, path):
    message, there = json.dumps(value).encode(), slow_twin(value, path)
    is_key = isinstance(there, (str, int)) and not isinstance(there, bool)
    assert key_at(path)(message) == (str(there) if is_key else None)
    part = part_at(path)(message)
    assert (json.loads(part) if part else None) == there


@pytest.mark.parametrize("message", [b"", b"no JSON", b'{"a": ', b"\xff", b"[" * 100_000])
def test_what_is_no_json_has_no_key(message):
    assert key_at("a")(message) is None
    assert part_at("a")(message) == b""
