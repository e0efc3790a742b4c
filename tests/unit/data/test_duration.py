import re
from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from livewidget.data.duration import LONGEST_S, seconds
from livewidget.data.errors import SettingError


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (5, 5.0),
        (0.25, 0.25),
        (np.float32(2), 2.0),
        ("60s", 60.0),
        ("5min", 300.0),
        (timedelta(minutes=1), 60.0),
        (pd.Timedelta("1h"), 3600.0),
        (np.timedelta64(3, "s"), 3.0),
        (LONGEST_S, LONGEST_S),
    ],
)
def test_a_duration_is_seconds_or_what_pandas_reads(given, expected):
    assert seconds(given, "ttl") == expected


@pytest.mark.parametrize(
    "given",
    [
        0,
        -1,
        "soon",
        "",
        None,
        True,
        float("nan"),
        float("inf"),
        LONGEST_S * 1.01,
        [1],
        pd.NaT,
        "-5s",
    ],
)
def test_what_is_no_duration_is_told_with_its_name(given):
    told = f"ttl is a positive duration: seconds, or text such as '60s' or '5min'; got {given!r}"
    with pytest.raises(SettingError, match=re.escape(told)):
        seconds(given, "ttl")
