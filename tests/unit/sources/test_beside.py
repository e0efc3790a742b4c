"""What is known of a message beside it goes to each of its rows, however many it has."""

import json

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from livewidget.codecs.base import Decoded
from livewidget.codecs.json import JsonDecoder
from livewidget.data.text import Text
from livewidget.sources.messages import deliver
from livewidget.testing import RecordingOutlet

objects = st.builds(lambda n: {"n": n}, st.integers(0, 9))
messages = st.one_of(
    objects.map(json.dumps),
    st.lists(objects, max_size=3).map(json.dumps),
    st.lists(objects, min_size=1, max_size=3).map(lambda rows: "\n".join(map(json.dumps, rows))),
    st.sampled_from(["{oops", "null", "[3]", '[{"n": 1}, 2]', '{"x": []}']),
).map(str.encode)


@given(st.lists(messages, max_size=8))
def test_each_row_has_what_its_message_has(given):
    outlet = RecordingOutlet()
    known = {
        "place": np.arange(len(given)),
        "text": Text.encode(map(str, range(len(given)))),
        "list": [f"m{place}" for place in range(len(given))],
    }
    deliver(JsonDecoder(), outlet, given, lambda _: known)
    slow = [
        (place, n)
        for place, message in enumerate(given)
        for n in JsonDecoder().decode([message]).columns.get("n", [])
    ]
    rows = outlet.rows
    assert [(row["place"], row["n"]) for row in rows] == slow
    assert [row["text"] for row in rows] == [str(place) for place, _ in slow]
    assert [row["list"] for row in rows] == [f"m{place}" for place, _ in slow]


class Counting:
    """A decoder of the user's, which gives each message as many rows as it has bytes."""

    def __init__(self):
        self.calls = 0

    def decode(self, messages):
        self.calls += 1
        sizes = [float(len(each)) for each in messages for _ in each]
        return Decoded({"size": np.array(sizes)}, len(sizes))


def test_a_decoder_of_ones_own_is_asked_message_by_message_only_where_it_matters():
    outlet, decoder = RecordingOutlet(), Counting()
    deliver(decoder, outlet, [b"ab", b"", b"c"], lambda _: {})
    assert decoder.calls == 1
    deliver(decoder, outlet, [b"ab", b"", b"c"], lambda _: {"place": np.arange(3)})
    assert [row["place"] for row in outlet.rows[3:]] == [0, 0, 2]


def test_the_columns_that_are_there_decide_what_is_asked_for():
    outlet, seen = RecordingOutlet(), []
    deliver(
        JsonDecoder(),
        outlet,
        [b'{"n": 1, "t": 2}'],
        lambda columns: seen.append(set(columns)) or {},
    )
    assert seen == [{"n", "t"}]
