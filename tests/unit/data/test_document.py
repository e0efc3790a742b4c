"""TOML and YAML with the line of each place: found as the one who wrote the text knows them."""

import time
import tomllib

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from livewidget.data.document import MOST_BYTES, Document
from livewidget.data.errors import SettingError

KEYS = st.sampled_from(["a", "b-1", "2", "with space", "a.b", 'q"u', "#", "é", "[x]", "'"])
SCALARS = st.sampled_from(
    [
        *("1", "-2.5e3", "true", "'lit # [eral'", '"ba\\"sic # ]"', "1979-05-27 07:32:00Z", "inf"),
        *('"""\nml " "" \\" # x\n"""', "'''\nml ' '' [a] = 1\n'''", '""', "''", '""""q"""""'),
    ]
)


class Writer:
    """Writes TOML, and notes where each key, table and item came to stand."""

    def __init__(self, draw):
        self.draw = draw
        self.text = ""
        self.lines = {}

    def put(self, text):
        self.text += text

    def here(self):
        return self.text.count("\n") + 1

    def key(self, name):
        bare = name.isascii() and name.replace("-", "").isalnum()
        quoted = '"' + name.replace('"', '\\"') + '"'
        return name if bare and self.draw(st.booleans()) else quoted

    def gap(self):
        self.put(self.draw(st.sampled_from(["", "\n", " # [no] = 'table'\n", "\n\n\t"])))

    def value(self, place, depth):
        form = self.draw(st.integers(0, 2)) if depth else 0
        if form == 0:
            self.put(self.draw(SCALARS))
        elif form == 1:
            self.put("[")
            for item in range(self.draw(st.integers(0, 3))):
                self.gap()
                self.lines[*place, item] = self.here()
                self.value((*place, item), depth - 1)
                self.gap()
                self.put(",")
            self.gap()
            self.put("]")
        else:
            self.put("{")
            for number, name in enumerate(self.draw(st.lists(KEYS, unique=True, max_size=3))):
                self.put(", " if number else " ")
                self.pair(place, name, depth - 1)
            self.put("}")

    def pair(self, place, name, depth):
        self.lines[*place, name] = self.here()
        self.put(self.key(name))
        if depth and self.draw(st.booleans()):  # a dotted key, whose table it is alone in
            inner = self.draw(KEYS)
            self.put(f" . {self.key(inner)}")
            place, name = (*place, name), inner
            self.lines[*place, name] = self.here()
        self.put(" = ")
        self.value((*place, name), depth)

    def pairs(self, place, names):
        for name in names:
            self.gap()
            self.pair(place, name, 2)
            self.put(self.draw(st.sampled_from(["\n", " # end = [\n", "\r\n"])))

    def table(self, name):
        self.gap()
        self.lines[name,] = self.here()
        if self.draw(st.booleans()):
            self.put(f"[ {self.key(name)} ] # [[x]]\n")
            self.pairs((name,), self.draw(st.lists(KEYS, unique=True, max_size=2)))
            return
        for number in range(self.draw(st.integers(1, 3))):
            self.lines[name, number] = self.here()
            self.put(f"[[{self.key(name)}]]\n")
            self.pairs((name, number), self.draw(st.lists(KEYS, unique=True, max_size=2)))
            if self.draw(st.booleans()):
                self.lines[name, number, "own"] = self.lines[name, number, "own", "t"] = self.here()
                self.put(f"[{self.key(name)}.own.t]\n")
                self.pairs((name, number, "own", "t"), self.draw(st.lists(KEYS, max_size=1)))


@st.composite
def documents(draw):
    writer = Writer(draw)
    names = draw(st.lists(KEYS, unique=True, max_size=5))
    cut = draw(st.integers(0, len(names)))
    writer.pairs((), names[:cut])
    for name in names[cut:]:
        writer.table(name)
    return writer.text, writer.lines


def places(data, place=()):
    items = data.items() if isinstance(data, dict) else enumerate(data)
    for key, value in items:
        yield (*place, key)
        if isinstance(value, (dict, list)):
            yield from places(value, (*place, key))


@settings(max_examples=500, deadline=None)
@given(documents())
@example(("[a]\nb.c = 1\n[a.b.d.e]\n", {("a",): 1, ("a", "b"): 2, ("a", "b", "d"): 3}))
@example(("[x.y]\n[x]\nz = 1\n", {("x", "y"): 1, ("x",): 2, ("x", "z"): 3}))
def test_each_place_of_a_toml_text_has_its_line(document):
    text, lines = document
    found = Document.parse(text)
    assert found.data == tomllib.loads(text)
    assert {place: found.line(place) for place in lines} == lines
    assert set(places(found.data)) <= set(found._lines)


def yaml_of(data, indent, lines, place, text):
    """Write block YAML, noting the lines; a value of a key stands in the lines below it."""
    items = data.items() if isinstance(data, dict) else enumerate(data)
    for key, value in items:
        lines[*place, key] = text.count("\n") + 1
        text += " " * indent + (f'"{key}":' if isinstance(data, dict) else "-")
        if isinstance(value, (dict, list)) and value:
            # An item's own line is the one of its first key, which stands below the dash.
            text += "\n" if isinstance(data, dict) else " # item\n"
            if isinstance(data, list):
                lines[*place, key] = text.count("\n") + 1
            text = yaml_of(value, indent + 2, lines, (*place, key), text)
        else:
            text += f" {value!r}\n".replace("True", "true")
    return text


NAMES = st.sampled_from(["a", "b", "on", "1", "null", "a: b", "#"])
TREES = st.dictionaries(
    NAMES,
    st.recursive(
        st.sampled_from([1, 2.5, True, "text", "# no"]),
        lambda inner: st.dictionaries(NAMES, inner, max_size=3) | st.lists(inner, max_size=3),
        max_leaves=8,
    ),
    max_size=4,
)


@settings(max_examples=200, deadline=None)
@given(TREES)
def test_each_place_of_a_yaml_text_has_its_line(tree):
    lines = {}
    document = Document.parse(yaml_of(tree, 0, lines, (), ""), "yaml")
    assert document.data == tree
    assert {place: document.line(place) for place in lines} == lines


def test_what_yaml_merges_has_the_line_where_it_was_written():
    text = "base: &base\n  a: 1\n  b: 2\nown:\n  <<: *base\n  b: 3\n"
    document = Document.parse(text, "yaml")
    assert document.data["own"] == {"a": 1, "b": 3}
    assert [document.line(("own", key)) for key in "ab"] == [2, 6]


def test_a_place_that_is_not_there_has_the_line_of_the_nearest_around_it():
    document = Document.parse("\n[a]\nb = 1\n", name="f.toml")
    places = [("a", "b", "c"), ("a", "z"), ("z",), ()]
    assert [document.line(place) for place in places] == [3, 2, 1, 1]
    assert str(document.error(("a", "b"), "no")) == "f.toml, line 3: no"


@pytest.mark.parametrize("suffix", ["toml", "yaml", "YML"])
def test_a_file_is_read_by_its_name(tmp_path, suffix):
    path = tmp_path / f"rules.{suffix}"
    path.write_text("\ufeff" + ("a = 1" if suffix == "toml" else "a: 1"), encoding="utf-8")
    assert Document.load(path).data == {"a": 1}


def bomb(levels):
    head = 'a0: &a0 ["x", "x", "x", "x", "x", "x", "x", "x", "x"]\n'
    each = (f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, levels))
    return head + "\n".join(each)


def merge_bomb(levels):
    each = (f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 9)}]}}" for n in range(1, levels))
    return "a0: &a0 {k: 1}\n" + "\n".join(each)


@pytest.mark.parametrize(
    ("text", "form", "what"),
    [
        ("a = 1\nb = \n", "toml", "f, line 2: Invalid value"),
        ("a = 1\na = 2\n", "toml", "f, line 2: Cannot overwrite a value"),
        ("a = [1,\n", "toml", "f, line 1: "),
        ("a = 2024-13-99", "toml", "f.*: "),
        ("a = " + "9" * 9999, "toml", "f: "),
        ("a = " + "[" * 9999, "toml", "f: it is nested too deeply"),
        ("a: 1\nb: [1,\n", "yaml", "f, line 3: "),
        ("a: 1\n\tb: 2\n", "yaml", "f, line 2: "),
        ("a: 1\na: 2\n", "yaml", "f, line 2: the key 'a' is there twice"),
        ("a: 1\non: 2\n", "yaml", "f, line 2: a key is text: put 'on' in quotes"),
        ("? [a, b]\n: 1\n", "yaml", "f, line 1: a key is text"),
        ("a: 1\nb: !!python/object:os.system x\n", "yaml", "f, line 2: could not determine"),
        ("- 1\n", "yaml", r"f, line 1: it is a mapping of settings, got \[1\]"),
        ("a: 1\n---\nb: 2\n", "yaml", "f, line 2: but found another document"),
        ("a: *b\n", "yaml", "f, line 1: found undefined alias"),
        ("a: &a [*a]\n", "yaml", "f, line 1: it stands for more than 20000 values, or is nested"),
        ("a: !!int x\n", "yaml", "f: invalid literal"),
        ("a: !!timestamp x\n", "yaml", "f: "),
        (bomb(9), "yaml", "it stands for more than 20000 values"),
        (merge_bomb(9), "yaml", "it stands for more than 20000 values"),
        ("[" * 20_000, "yaml", "f: it is nested too deeply"),
        ("a: \0", "yaml", "f: .*special characters are not allowed"),
        ("x" * (MOST_BYTES + 1), "toml", f"f: a file of settings has at most {MOST_BYTES} bytes"),
        ("", "json", "form is 'toml' or 'yaml', got 'json'"),
    ],
)
def test_what_is_wrong_names_the_file_and_the_line(text, form, what):
    started = time.process_time()
    with pytest.raises(SettingError, match=what):
        Document.parse(text, form, "f")
    assert time.process_time() - started < 5


@pytest.mark.parametrize(
    ("name", "raw", "what"),
    [
        ("x.json", b"{}", "x.json: a file of settings ends in .toml, .yaml, .yml"),
        ("x.toml", None, "x.toml: cannot be read: No such file"),
        ("x.toml", b"a = 1\nb = '\xff'\n", "x.toml, line 2: it is not UTF-8"),
        ("x.toml", b"#" * (MOST_BYTES + 1), "x.toml: a file of settings has at most"),
        ("x.toml", b"#" + "é".encode() * MOST_BYTES, "x.toml: a file of settings has at most"),
    ],
)
def test_a_file_that_is_none_is_named(tmp_path, name, raw, what):
    path = tmp_path / name
    if raw is not None:
        path.write_bytes(raw)
    with pytest.raises(SettingError, match=what):
        Document.load(path)


@settings(max_examples=600, deadline=None)
@given(st.text("ab[]{}=.,\"'#\n\t -:&*<!?|1e\\", max_size=40), st.sampled_from(["toml", "yaml"]))
@example("!!float ''", "yaml")
@example("a: !!bool x", "yaml")
@example("a: !!set [1]", "yaml")
@example("a: !!binary é", "yaml")
@example("a: 2024-99-99", "yaml")
@example("a: {? {b: 1} : 2}", "yaml")
@example("a: 190:20:30.15\nb: 0x\nc: 0b", "yaml")
def test_any_text_is_data_with_lines_or_one_error(text, form):
    try:
        document = Document.parse(text, form)
    except SettingError:
        return
    last = text.count("\n") + 1
    assert all(1 <= document.line(place) <= last for place in places(document.data))
