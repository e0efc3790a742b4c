"""A stage that was made slow is named, whichever it is and however slow; two at once are both.

The magnitudes are drawn anew each time; the seed is in the name of what failed.
"""

import os
import random
import time

import pytest

from livewidget.testing import wait_until

from .planted import LOOK_S, Planted

SEED = int(os.environ.get("LIVEWIDGET_SEED", time.time_ns() % 10**6))
STEADY = 4  # readings in a row
PATIENCE_S = 8.0


def drawn(name):
    """How a stage is made slow, and what that is called."""
    dice = random.Random(f"{SEED} {name}")
    factor = dice.uniform(1.6, 8.0)
    return {
        "source": ({"source_hz": dice.uniform(2.0, 15.0)}, {"source"}),
        "operator": ({"operator": factor, "workers": dice.choice([0, 1])}, {"pipeline"}),
        "store": ({"store": factor}, {"store"}),
        "sink": ({"sink": factor}, {"sink"}),
        "sending": ({"link": factor}, {"link"}),
        "link": ({"heard": dice.uniform(2.0, 12.0)}, {"link"}),
        "browser": ({"draw_ms": dice.uniform(45.0, 400.0)}, {"browser"}),
    }[name]


def watch(planted, expected):
    """Wait until what is expected, and nothing else, is named in several readings in a row."""
    seen = []

    def steady():
        seen.append(planted.named())
        return len(seen) >= STEADY and all(each == expected for each in seen[-STEADY:])

    due = time.monotonic()

    def looked():
        nonlocal due
        if time.monotonic() < due:
            return False
        due += LOOK_S
        return steady()

    try:
        wait_until(looked, PATIENCE_S)
    except TimeoutError:
        pytest.fail(f"seed {SEED}: expected {expected}, named {seen[-12:]}\n{told(planted)}")


def told(planted):
    return "\n".join(map(str, planted.watch.stages))


def test_nothing_is_named_where_all_keep_up():
    with Planted() as planted:
        watch(planted, set())


@pytest.mark.parametrize(
    "name", ["source", "operator", "store", "sink", "sending", "link", "browser"]
)
def test_the_slow_stage_is_named(name):
    settings, expected = drawn(name)
    with Planted(**settings) as planted:
        watch(planted, expected)


@pytest.mark.parametrize(
    "names", [("operator", "browser"), ("store", "browser"), ("store", "sink")], ids=" and ".join
)
def test_two_at_once_are_both_named(names):
    first, second = map(drawn, names)
    # On the engine's own thread an operator holds the picture up, too: it is the limit of both.
    with Planted(**(first[0] | second[0] | {"workers": 1})) as planted:
        watch(planted, first[1] | second[1])


def test_advice_that_is_taken_helps_and_says_so():
    with Planted(batch_s=random.Random(SEED).uniform(0.02, 0.1)) as planted:
        watch(planted, {"pipeline"})
        found = {each.id: each for each in planted.watch.findings}
        assert found["bottleneck-pipeline"].action.label == "Work on up to 10,000 rows at once"
        planted.watch.apply("bottleneck-pipeline")

        def judged():
            planted.watch.parts()
            known = {each.id: each for each in planted.watch.findings}
            return known["bottleneck-pipeline"].status not in ("open", "applied")

        wait_until(judged)
        known = {each.id: each for each in planted.watch.findings}
        assert known["bottleneck-pipeline"].status == "helped", known["bottleneck-pipeline"].text
