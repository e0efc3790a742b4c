"""Features of time against Python's own calendar."""

import re
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livewidget.data.errors import SchemaError, SettingError
from livewidget.data.schema import Kind
from livewidget.pipeline.enrich import TimeFeatures
from livewidget.testing import ManualClock

from .streams import SCHEMA, SECOND, batch_of, run


def features(second, zone):
    there = datetime.fromtimestamp(second, UTC).astimezone(ZoneInfo(zone))
    return {
        "hour": there.hour,
        "weekday": there.weekday(),
        "is_weekend": int(there.weekday() >= 5),
        "day_of_year": there.timetuple().tm_yday,
        "minute_of_day": there.hour * 60 + there.minute,
    }


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.integers(-(2**31), 2**31), min_size=1, max_size=20),
    st.sampled_from(["UTC", "Europe/Berlin", "Asia/Kathmandu", "America/St_Johns"]),
)
def test_a_time_is_what_the_calendar_of_its_zone_says(seconds, zone):
    batch = batch_of([(second * SECOND, "a", 1.0, 0, None, None) for second in seconds])
    out, _ = run(TimeFeatures(tz=zone), [batch])
    for second, row in zip(seconds, out, strict=True):
        expected = features(second, zone)
        assert {name: row[name] for name in expected} == expected


def test_it_adds_those_that_are_named_as_whole_numbers():
    bound = TimeFeatures(add="hour").bind(SCHEMA, ManualClock())
    assert bound.schema.names == (*SCHEMA.names, "hour")
    assert bound.schema.kind("hour") is Kind.INT


def test_what_cannot_be_is_told():
    with pytest.raises(SettingError, match=re.escape("add is some of hour, weekday")):
        TimeFeatures(add=["century"])
    with pytest.raises(SettingError, match=re.escape("got 'Mars/Olympus'")):
        TimeFeatures(tz="Mars/Olympus")
    hours = TimeFeatures(add="hour")
    with pytest.raises(SchemaError, match="adds a column 'hour'"):
        hours.bind(hours.bind(SCHEMA, ManualClock()).schema, ManualClock())
