"""Rules as they are written: what they mean, and what is told of one that means nothing."""

import pytest

from livewidget.data.errors import SchemaError, SettingError
from livewidget.pipeline.alerts import Alert, Rule
from livewidget.pipeline.alerts.condition import Absence, Composite, Pattern, Source, Threshold
from livewidget.testing import ManualClock

from ..streams import SCHEMA, SECOND


@pytest.mark.parametrize(
    ("text", "sign", "high", "low", "hold"),
    [
        ("value > 100", 1, 100, 100, 0),
        ("value > 100 for 5m", 1, 100, 100, 300 * SECOND),
        ("value > 100 for 5m clear below 95", 1, 100, 95, 300 * SECOND),
        ("value > 100 clear value <= 95 for 90", 1, 100, 95, 90 * SECOND),
        ("100 < value", 1, 100, 100, 0),
        ("value < -3 clear above 2", -1, 3, -2, 0),
        ("value >= 5", 1, 5, 5, 0),
        ("-value > 1e3 for 0.5", 1, 1000, 1000, SECOND // 2),
    ],
)
def test_a_threshold_is_a_number_above_or_below_a_limit(text, sign, high, low, hold):
    rule = Rule("r", text)
    assert isinstance(rule.condition, Threshold)
    assert rule.condition.sign == sign
    assert rule.condition.high == pytest.approx(high, rel=1e-12)
    assert rule.condition.low == pytest.approx(low, rel=1e-12)
    assert rule.condition.low <= rule.condition.high
    assert rule.hold == hold


def test_settings_beside_the_line_are_those_in_it():
    one = Rule("r", "value > 100 for 5m clear below 95")
    for other in (
        Rule("r", "value > 100", for_="5m", clear="value < 95"),
        Rule("r", "value > 100", for_=300, clear="below 95"),
        Rule.of({"name": "r", "when": "value > 100", "for": "5m", "clear": "95 > value"}),
        Rule.of("r: value > 100 for 5m clear below 95"),
    ):
        assert (other.condition, other.hold, other.name) == (one.condition, one.hold, "r")


def test_the_other_forms():
    assert Rule("r", "no data for 30s").condition == Absence(30 * SECOND)
    assert Rule("r", "no data", for_=30).condition == Absence(30 * SECOND)
    rate = Rule("r", "rate(value * 2) > 3 per 10s").condition
    assert rate.source == Source("value * 2", per=10 * SECOND)
    pattern = Rule("r", "a then 'too hot' within 10s").condition
    assert pattern == Pattern("a", "too hot", 10 * SECOND)
    assert isinstance(Rule("r", "value > 1 then n < 2 within 1m").condition.second, Threshold)
    both = Rule("r", "a and not (b or 'c d') and n > 3").condition
    assert isinstance(both, Composite)
    assert both.leaves[:3] == ("a", "b", "c d")
    assert both.holds([True, False, False, True])
    assert not both.holds([True, False, True, True])
    assert Rule.of("value > 3 for 5m").name == "value > 3 for 5m"
    quoted = Rule("r", "word in ('for', 'then') for 2s")
    assert quoted.condition.source == Source("word in ('for', 'then')", truth=True)
    assert Rule("r", "column('for') > 3").condition.source.text == "column('for')"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "a rule is a condition"),
        (None, "a rule is a condition"),
        ("value >", "cannot be read"),
        ("value > 3 for", "after 'for' comes a duration"),
        ("value > 3 for 0s", "for is a positive duration"),
        ("value > 3 for soon", "for is a positive duration"),
        ("value > 3 for -5s", "for is a positive duration"),
        ("value > 3 for 1s for 2s", "'for' stands twice"),
        ("value > 3 within 1s", "'within' does not go with"),
        ("a then b", "a pattern has a duration"),
        ("a then b within 1s for 5s", "'for' does not go with"),
        ("a then b or c within 1s", "name it, and use the name"),
        ("no data", "as in 'no data for 30s'"),
        ("no data for 3s clear below 1", "'clear' does not go with"),
        ("rate(value) > 3", "a rate of change is per something"),
        ("rate(value, n) > 3 per 1s", "rate takes one number"),
        ("value > 3 per 1s", "per goes with a rate of change"),
        ("word == 'a' per 1s", "per goes with a rate of change"),
        ("rate(value) > 3 per 1s clear n < 3", "a rate of change ends below a number"),
        ("a and b clear below 3", "they take no clear"),
        ("value > 3 clear below 4", "wrong side of the threshold"),
        ("value > 3 clear above 2", "wrong side of the threshold"),
        ("value < 3 clear value > 2", "wrong side of the threshold"),
        ("value > 3 clear below much", "after 'clear below' comes a number"),
        ("word == 'a' clear below 3", "clear is a condition"),
        ("value.real > 3", "attributes (a.b) are not allowed"),
        ("__import__('os') > 3", "there is no function"),
        ("(lambda: 1)() > 3", "not allowed"),
        ("value > 3 " + "or value > 3 " * 400, "a rule is a condition"),
    ],
)
def test_a_rule_that_is_none_names_itself_the_place_and_what_was_expected(text, told):
    with pytest.raises(SettingError) as error:
        Rule("hot", text)
    assert str(error.value).startswith("rule 'hot': ")
    assert told in str(error.value)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"name": ""}, "a rule's name is text"),
        ({"name": 3}, "a rule's name is text"),
        ({"priority": "high"}, "priority is one of info, warning, critical; got 'high'"),
        ({"key": 3}, "key is text"),
        ({"clear": ""}, "clear is a condition"),
        ({"for_": "0s"}, "for is a positive duration"),
        ({"when": "value > 1 for 1s", "for_": "2s"}, "for is given twice"),
        ({"when": "value > 1 clear below 0", "clear": "below 0"}, "clear is given twice"),
        ({"when": "no data for 1s", "for_": "2s"}, "for is given twice"),
        ({"when": "no data for 1s", "clear": "below 2"}, "takes a duration and no clear"),
        ({"when": "a then b within 1s", "for_": "2s"}, "a pattern takes no for"),
        ({"message": "{value.real}"}, "{value.real}"),
        ({"message": "{0}"}, "{0}"),
        ({"message": "{value!r}"}, "{value!r}"),
        ({"message": "{value:>9999999}"}, "such as {value:.1f}"),
        ({"message": "{key:.1f}"}, "such as {value:.1f}"),
        ({"message": "{value"}, "is none"),
        ({"message": 3}, "a message is text"),
    ],
)
def test_settings_that_are_none(settings, told):
    with pytest.raises(SettingError) as error:
        Rule(**{"name": "hot", "when": "value > 1", **settings})
    assert told in str(error.value)


@pytest.mark.parametrize(
    ("written", "told"),
    [
        (3, "a rule is a Rule, a line of text or a table"),
        ({"when": "value > 1"}, "a rule has a name"),
        ({"name": "hot"}, "a rule has a when"),
        ({"name": "hot", "when": "value > 1", "duration": "1s"}, "a rule has no 'duration'"),
    ],
)
def test_a_table_that_is_none(written, told):
    with pytest.raises(SettingError, match=told):
        Rule.of(written)


@pytest.mark.parametrize(
    ("rules", "told"),
    [
        ([], "has 1 to 100,000 rules"),
        (None, "rules is a rule or a list of rules"),
        (["a: value > 1", "a: value > 2"], "rule 'a': there are two of that name"),
        (["hot: value > 1", "b: hod and value > 2"], "'hod'; did you mean 'hot'?"),
        (["a: b then c within 1s", "b: value > 1"], "rule 'a': it names no rule, 'c'"),
        (["a: not a"], "a -> a"),
        (["a: b and value > 1", "b: c or value > 2", "c: a"], "a -> b -> c -> a"),
    ],
)
def test_rules_that_do_not_go_together(rules, told):
    with pytest.raises(SettingError) as error:
        Alert(rules)
    assert told in str(error.value)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("valu > 3", "there is no column 'valu'; did you mean 'value'?"),
        ("value > 3 then word > 3 within 1s", "word is no number"),
        ("word + 1 > 3", "arithmetic takes"),
        ("word > 3", "word is no number"),
        ("rate(word) > 3 per 1s", "word is no number"),
        ("value + n", "expects a condition"),
    ],
)
def test_columns_that_are_not_there_or_of_another_kind(text, told):
    with pytest.raises(SchemaError) as error:
        Alert(f"hot: {text}").bind(SCHEMA, ManualClock())
    assert str(error.value).startswith("rule 'hot': ")
    assert told in str(error.value)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"by": 3}, "by is the name of a column"),
        ({"output": ""}, "output is the name of an output"),
        ({"grace": "soon"}, "grace is a positive duration"),
        ({"live": 0}, "live is a positive duration"),
        ({"keys": 0}, "keys is a whole number"),
        ({"rules": [Rule("a", "value > 1", key="k")]}, "asks for by"),
    ],
)
def test_settings_of_the_operator(settings, told):
    with pytest.raises(SettingError, match=told):
        Alert(**{"rules": "value > 1", **settings})
