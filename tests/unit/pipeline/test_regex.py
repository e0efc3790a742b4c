"""Patterns that could take for ever are refused, and those that are taken never do."""

import re
import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from livewidget.data.errors import SettingError
from livewidget.pipeline.regex import compiled

LENGTH = 300


@pytest.mark.parametrize(
    "pattern",
    [
        "(a+)+$",
        "(a|a)*$",
        "(a|aa)+$",
        "(a*)*",
        "((ab)*c?)*",
        "(?:a?){20}a{20}",
        "a?" * 25 + "a" * 25,
        "(a|a)" * 25 + "b",
        "(?:a)?" * 25 + "a" * 25,
        ".*.*.*.*x",
        r"\d+.\d+.\d+.\d+.x",
        r"(.*) (.*) (.*) (.*) x",
        "[a-z]*[a-f]*a*[^q]*x",
        "(((a{20}){20}){20}){20}",
        "(a{1,3}){20}b",
        "(?>a*)*",
        "(?=a)",
        "(?<!a)b",
        r"(a)\1",
        "(?i)a",
    ],
)
def test_a_pattern_that_could_take_for_ever_is_refused(pattern):
    re.compile(pattern)  # to `re` it is fine
    with pytest.raises(SettingError, match="the pattern "):
        compiled(pattern, "the pattern")


@pytest.mark.parametrize(
    ("pattern", "what"), [("(", "unterminated"), (3, "got 3"), ("a" * 9999, "2000")]
)
def test_what_is_no_pattern_says_so(pattern, what):
    with pytest.raises(SettingError, match=f"the pattern.*{what}"):
        compiled(pattern, "the pattern")


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (r"^\S+ \S+ \S+ \S+ \S+ \S+$", "a b c d e f"),
        (r"(?:\d{1,3}\.){3}\d{1,3}", "10.20.30.40"),
        (r"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?", "-1.5e-7"),
        (r"(GET|POST|PUT) (?P<path>[^ ?]+)(\?\S*)? HTTP/\d", "GET /a?b=c HTTP/1"),
        (r"\[([^\]]+)\] \"([^\"]*)\" (\d+)", '[now] "x y" 200'),
        (r"(?:ab)+c{2}[]x-]\x41\{", "ababcc]A{"),
        (r"a{,2}b{}", "aab{}"),
        (r"", ""),
    ],
)
def test_ordinary_patterns_are_taken(pattern, text):
    assert compiled(pattern, "the pattern").search(text)


ATOMS = st.sampled_from(["a", "b", ".", r"\w", r"\W", "[ab]", "[^a]", " ", r"\d", "x"])
SIGNS = st.sampled_from(["", "", "*", "+", "?", "*?", "{2}", "{1,3}", "{2,}", "{,9}"])


@st.composite
def patterns(draw, depth=2):
    parts = []
    for _ in range(draw(st.integers(1, 5))):
        form = draw(st.integers(0, 3)) if depth else 0
        if form <= 1:
            atom = draw(ATOMS)
        else:
            ways = draw(st.lists(patterns(depth - 1), min_size=1, max_size=2))
            atom = f"{draw(st.sampled_from(['(', '(?:', '(?>']))}{'|'.join(ways)})"
        parts.append(atom + draw(SIGNS))
    return "".join(parts)


@settings(max_examples=1500, deadline=None)
@given(patterns() | st.text("ab.*+?(|)[]^{}2,\\dw", max_size=30))
@example("(?:.{3}){20}.{3,9}x")
@example(".*.*b.*x")
@example("(a|b|.)(a|b|.)(a|b|.)x")
def test_what_is_taken_is_done_soon_whatever_the_text(pattern):
    try:
        own = compiled(pattern, "the pattern", start=1)
    except SettingError:
        return
    for text in ("a" * LENGTH, "ab" * (LENGTH // 2), "a " * (LENGTH // 2), "1" * LENGTH):
        started = time.process_time()
        own.search(text + "!")
        assert time.process_time() - started < 1.5, (pattern, text)
