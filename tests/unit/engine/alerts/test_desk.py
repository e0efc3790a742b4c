"""The desk against a readable twin that looks at every alert in every second."""

import math
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livewidget.codecs import state as codec
from livewidget.data.errors import SettingError, StateError
from livewidget.engine.alerts.alert import Alert
from livewidget.engine.alerts.desk import FAR, Desk, Terms

S = 10**9
RULES, KEYS, PRIORITIES = ("hot", "cold"), ("a", "b"), ("warning", "critical")


def alert(state, at, since=0, rule="hot", key="a", priority="warning"):
    return Alert(rule, key, state, priority, 1.5, at * S, since * S, f"{rule} {key}")


def terms(**seconds):
    return Terms(
        **{name: each * S if isinstance(each, int) else each for name, each in seconds.items()}
    )


def run(desk, until):
    """All notices until then, each as the second, the status and what it says."""
    told = []
    while desk.due <= until * S:
        at = desk.due
        for notice in desk.flush(at):
            said = [(each.rule, each.key, each.state) for each in notice.alerts]
            told.append((notice.at // S, said))
    return told


class Twin:
    """The terms, told once more in the plainest words. Times in seconds."""

    def __init__(self, terms):
        self.by = terms.group_by
        self.wait, self.interval = terms.group_wait // S, terms.group_interval // S
        self.repeat, self.cool = terms.repeat_interval // S, terms.cool_down // S
        self.alerts, self.groups, self.silences = {}, {}, []

    def take(self, new, now):
        name = new.rule, new.key
        known = self.alerts.get(name)
        if known is None and new.state == "resolved":
            return
        if known is None:
            known = self.alerts[name] = {"told": "", "notified": None, "ack": False}
        elif new.time < known["alert"].time or (new.state, new.since) == (
            known["alert"].state,
            known["alert"].since,
        ):
            return
        elif new.since != known["alert"].since or known["alert"].state == "resolved":
            known |= {"told": "", "ack": False}
        known["alert"] = new

    def silenced(self, each, now):
        return any(start <= now < end and label == each.rule for label, start, end in self.silences)

    def wants(self, known, now):
        state, told, last = known["alert"].state, known["told"], known["notified"]
        if state == "resolved":
            return told == "firing"
        if state == "pending" or known["ack"] or self.silenced(known["alert"], now):
            return False
        if told == "firing":
            return now >= last + max(self.repeat, self.cool)
        return last is None or now >= last + self.cool

    def concerns(self, known):
        """Whether it opens the wait of its group: it fires, or is over and that was not told."""
        state = known["alert"].state
        if state == "resolved":
            return known["told"] == "firing"
        return state == "firing" and not known["ack"]

    def second(self, now):
        told = []
        groups = {}
        for known in self.alerts.values():
            groups.setdefault(self.key(known), []).append(known)
        for key in sorted(groups):
            group = self.groups.setdefault(key, {"last": None, "opens": None})
            members = groups[key]
            if group["last"] is None:
                opened = now + self.wait if group["opens"] is None else group["opens"]
                group["opens"] = opened if any(map(self.concerns, members)) else None
            if group["opens"] is None or now < group["opens"]:
                continue
            if not any(self.wants(each, now) for each in members):
                continue
            said = []
            for each in members:
                state, quiet = each["alert"].state, self.silenced(each["alert"], now)
                cool = each["notified"] is not None and now < each["notified"] + self.cool
                if state == "resolved" and each["told"] == "firing":
                    each["told"] = "resolved"
                    said += [] if quiet else [each["alert"]]
                elif state == "firing" and not (quiet or each["ack"] or cool):
                    each |= {"told": "firing", "notified": now}
                    said.append(each["alert"])
            if said:
                group |= {"last": now, "opens": now + self.interval}
                told.append((now, sorted((it.rule, it.key, it.state) for it in said)))
        self.forget(now)
        return told

    def key(self, known):
        return tuple(getattr(known["alert"], label) for label in self.by)

    def forget(self, now):
        """What is over is known until it could be told of again; so is its group."""

        def far(last, pause):
            return last is None or now >= last + pause

        for name, known in list(self.alerts.items()):
            over = known["alert"].state == "resolved" and known["told"] != "firing"
            last = self.groups[self.key(known)]["last"]
            if over and far(known["notified"], self.cool) and far(last, self.interval):
                del self.alerts[name]
        left = {self.key(known) for known in self.alerts.values()}
        for key, group in list(self.groups.items()):
            if key not in left and far(group["last"], self.interval):
                del self.groups[key]


transition = st.tuples(
    st.just("take"),
    st.sampled_from(RULES),
    st.sampled_from(KEYS),
    st.sampled_from(["pending", "firing", "resolved", "resolved"]),
)
operation = st.one_of(
    transition,
    transition,
    transition,
    st.tuples(st.just("silence"), st.sampled_from(RULES), st.integers(1, 20)),
    st.tuples(st.just("acknowledge"), st.sampled_from(RULES), st.sampled_from(KEYS)),
    st.tuples(st.just("restart")),
)
some_terms = st.builds(
    terms,
    group_by=st.sampled_from([("rule",), (), ("rule", "key"), ("key",)]),
    group_wait=st.sampled_from([1, 3]),
    group_interval=st.sampled_from([1, 5]),
    repeat_interval=st.sampled_from([7, 30]),
    cool_down=st.sampled_from([0, 4, 11]),
)


@settings(deadline=None, max_examples=40)
@given(some_terms, st.lists(st.tuples(st.integers(0, 8), operation), max_size=25))
def test_everything_is_told_as_the_twin_tells_it(chosen, operations):
    desk, twin = Desk(chosen), Twin(chosen)
    told, expected, now, since = [], [], 0, {}
    for pause, (what, *rest) in operations:
        for second in range(now + 1, now + pause + 1):
            told += run(desk, second)
            expected += twin.second(second)
        now += pause
        if what == "take":
            rule, key, state = rest
            if state == "pending" or (rule, key) not in since:
                since[rule, key] = now
            new = alert(state, now, since[rule, key], rule, key)
            if state == "resolved":
                since.pop((rule, key))
            desk.take(new, now * S)
            twin.take(new, now)
        elif what == "silence":
            rule, length = rest
            desk.silence({"rule": rule}, now * S, (now + length) * S)
            twin.silences.append((rule, now, now + length))
        elif what == "acknowledge":
            rule, key = rest
            known = twin.alerts.get((rule, key))
            name = alert("firing", 0, rule=rule, key=key).fingerprint
            if desk.acknowledge(name, "me", now * S) is not None:
                known["ack"] = True
        else:
            again = Desk(chosen)
            again.load(codec.unpack(codec.pack(desk.save())), now * S)
            desk = again
        told += run(desk, now)
        expected += twin.second(now)
    for second in range(now + 1, now + 40):
        told += run(desk, second)
        expected += twin.second(second)
    plain = [(at, sorted(said)) for at, said in told]
    assert sorted(plain) == sorted(expected)
    assert len(desk.save()["records"]) <= len(RULES) * len(KEYS)


def test_a_group_waits_for_company_then_keeps_its_distance_and_repeats():
    desk = Desk(terms(group_wait=10, group_interval=30, repeat_interval=100))
    desk.take(alert("firing", 0), 0)
    desk.take(alert("firing", 5, 5, key="b"), 5 * S)
    assert run(desk, 9) == []
    both = [("hot", "a", "firing"), ("hot", "b", "firing")]
    assert run(desk, 12) == [(10, both)]
    desk.take(alert("firing", 12, 12, key="c"), 12 * S)
    assert run(desk, 60) == [(40, [*both, ("hot", "c", "firing")])]
    desk.take(alert("resolved", 61, key="b", since=5), 61 * S)
    left = [both[0], ("hot", "c", "firing"), ("hot", "b", "resolved")]
    assert run(desk, 100) == [(70, left)]
    assert run(desk, 200) == [(170, left[:2])]


def test_one_more_transition_into_the_same_state_is_none_and_an_older_one_neither():
    desk = Desk()
    assert desk.take(alert("firing", 5), 5 * S)
    assert not desk.take(alert("firing", 6), 6 * S)
    assert not desk.take(alert("resolved", 4), 6 * S)
    assert not desk.take(alert("resolved", 7, rule="unknown"), 7 * S)
    assert (desk.counts["duplicates"], desk.counts["stale"]) == (1, 2)


def test_a_graver_priority_is_told_of_a_lesser_one_not():
    desk = Desk(terms(group_interval=0))
    desk.take(alert("firing", 0), 0)
    assert len(run(desk, 0)) == 1
    desk.acknowledge(desk.alerts(0)[0].id, "me", 0)
    assert desk.take(alert("firing", 1, priority="critical"), S)
    assert run(desk, 1) == [(1, [("hot", "a", "firing")])]
    assert not desk.take(alert("firing", 2), 2 * S)
    assert run(desk, 10) == []


def test_what_comes_and_goes_is_told_once_in_its_cool_down():
    desk = Desk(terms(group_interval=0, cool_down=60))
    told = []
    for second in range(0, 100, 2):
        desk.take(alert("firing", second, second), second * S)
        told += run(desk, second)
        desk.take(alert("resolved", second + 1, second), (second + 1) * S)
        told += run(desk, second + 1)
    assert [at for at, _ in told] == [0, 1, 60, 61]
    assert len(desk.history) == 50


def test_silences_match_by_text_or_pattern_and_what_still_fires_is_told_at_their_end():
    desk = Desk(terms(group_interval=0))
    made = desk.silence({"rule": "hot", "key": re.compile("a|b")}, 0, 50 * S, comment="works")
    desk.take(alert("firing", 1, 1), S)
    desk.take(alert("firing", 1, 1, key="c"), S)
    assert run(desk, 49) == [(1, [("hot", "c", "firing")])]
    shown = {each.key: (each.silenced, each.until) for each in desk.alerts(S)}
    assert shown == {"a": (True, 50 * S), "c": (False, None)}
    assert list(desk.silences) == [made]
    assert [at for at, _ in run(desk, 60)] == [50]
    assert list(desk.silences) == []


def test_ending_a_silence_early_tells_at_once_by_its_id_or_the_alerts():
    for by_alert in (False, True):
        desk = Desk(terms(group_interval=0))
        made = desk.silence({"priority": "warning"}, 0, 500 * S)
        desk.take(alert("firing", 1, 1), S)
        assert run(desk, 2) == []
        assert desk.unsilence(desk.alerts(S)[0].id if by_alert else made.id, 3 * S)
        assert [at for at, _ in run(desk, 3)] == [3]
        assert not desk.unsilence(made.id, 4 * S)


def test_an_acknowledged_alert_is_not_repeated_its_end_is_told_and_the_next_one_too():
    desk = Desk(terms(group_interval=0, repeat_interval=10))
    desk.take(alert("firing", 0), 0)
    assert len(run(desk, 10)) == 2
    known = desk.acknowledge(desk.alerts(0)[0].id, "Ada", 11 * S)
    assert (known.acknowledged, known.by, known.acknowledged_at) == (True, "Ada", 11 * S)
    assert run(desk, 100) == []
    desk.take(alert("resolved", 101), 101 * S)
    assert run(desk, 101) == [(101, [("hot", "a", "resolved")])]
    assert desk.acknowledge(known.id, "Ada", 102 * S) is None
    desk.take(alert("firing", 103, 103), 103 * S)
    assert len(run(desk, 103)) == 1


def test_a_restart_tells_nothing_twice_and_knows_its_silences():
    desk = Desk(terms(group_interval=0, repeat_interval=100))
    desk.silence({"rule": "cold", "key": re.compile("b+", re.IGNORECASE)}, 0, 900 * S, author="Ada")
    desk.take(alert("firing", 0), 0)
    run(desk, 1)
    again = Desk(terms(group_interval=0, repeat_interval=100))
    again.load(codec.unpack(codec.pack(desk.save())), 2 * S)
    assert not again.take(alert("firing", 0), 2 * S), "replayed"
    assert run(again, 99) == []
    assert next(iter(again.silences)).matches(alert("firing", 0, rule="cold", key="BB"))
    assert [at for at, _ in run(again, 100)] == [100]
    assert again.alerts(S) == desk.alerts(S)


@pytest.mark.parametrize("state", [{}, {"silences": 1}, {"silences": {"all": [{}]}}])
def test_a_state_that_is_none_is_refused(state):
    desk = Desk()
    desk.take(alert("firing", 0), 0)
    with pytest.raises(StateError):
        desk.load(state, 0)
    assert len(desk.alerts(0)) == 1


def test_what_is_kept_is_bounded_and_what_is_passed_over_counted():
    desk = Desk(terms(group_by=("key",)), most_alerts=100, most_history=10)
    for number in range(1_000):
        desk.take(alert("firing", number, number, key=str(number)), number * S)
    assert (len(desk.alerts(0)), desk.counts["refused"]) == (100, 900)
    run(desk, 1_000)
    for number in range(100):
        desk.take(alert("resolved", 1_000, number, key=str(number)), 1_000 * S)
    assert (len(desk.history), desk.counts["forgotten"]) == (10, 90)
    run(desk, 2_000)
    assert (desk.due, len(desk._records), len(desk._groups)) == (FAR, 0, 0)
    assert desk.take(alert("firing", 2_000, 2_000), 2_000 * S)


@pytest.mark.parametrize(
    ("matchers", "said"),
    [({}, "which alerts"), ({"host": "a"}, "'host'"), ({"rule": 1}, "rule is a text")],
)
def test_a_silence_that_cannot_be_is_refused(matchers, said):
    with pytest.raises(SettingError, match=said):
        Desk().silence(matchers, 0, S)
    with pytest.raises(SettingError, match="ends after it starts"):
        Desk().silence({"rule": "hot"}, S, S)


def test_a_missing_value_is_no_obstacle():
    desk = Desk()
    blank = Alert("hot", "", "firing", "info", math.nan, 0, 0, "")
    assert desk.take(blank, 0)
    assert desk.flush(0)[0].priority == "info"


def test_group_by_takes_labels_only():
    with pytest.raises(SettingError, match="group_by is of rule, key, priority; got"):
        Terms(group_by=("host",))
