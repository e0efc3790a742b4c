import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livewidget.data.batch import Batch
from livewidget.data.errors import SchemaError, SettingError
from livewidget.data.schema import Schema
from livewidget.pipeline.relating.lead_lag import LeadLag
from livewidget.testing import ManualClock

from .series import ROWS, SCHEMA, SECOND, batch_of, cuts, run, same

PAIR = Schema.of({"time": "time", "a": "float", "b": "float"}, "time")


def shifted(by, sign=1.0, size=2_000):
    """Two columns, ten rows a second, of which the second follows `by` rows later."""
    rng = np.random.default_rng(7)
    walk = rng.normal(size=size + 100).cumsum()
    a = walk[50 : 50 + size]
    b = sign * walk[50 - by : 50 - by + size] + 0.01 * rng.normal(size=size)
    return Batch(PAIR, (np.arange(size, dtype=np.int64) * SECOND // 10, a, b))


@pytest.mark.parametrize(("by", "sign"), [(0, 1.0), (7, 1.0), (-12, 1.0), (20, -1.0)])
def test_it_finds_by_how_much_one_follows_the_other(by, sign):
    found = run(
        LeadLag("a", "b", max_lag="3s", step="100ms", window="60s", every="10s", changes=True),
        [shifted(by, sign)],
    )
    full = found.take(found.times >= 60 * SECOND)
    assert len(full) == 15  # 60 s to 190 s, and 200 s at the end
    np.testing.assert_allclose(full["lag_s"], by / 10)
    assert (np.abs(full["correlation"]) > 0.9).all()
    assert (np.sign(full["correlation"]) == sign).all()
    assert (full["count"] >= 599 - abs(by) - 1).all()


@settings(deadline=None, max_examples=30)
@given(st.data(), ROWS)
def test_it_does_not_matter_how_the_rows_are_cut(data, rows):
    operator = LeadLag("a", "n", max_lag=1, step=0.25, window=4, every=1)
    same(run(operator, data.draw(cuts(rows))), run(operator, [batch_of(rows)]))


def test_where_nothing_changes_nothing_is_told():
    batch = Batch(PAIR, (np.arange(50) * SECOND, np.ones(50), np.arange(50.0)))
    found = run(LeadLag("a", "b", max_lag=2, step=1, window=10, every=5), [batch])
    assert np.isnan(found["lag_s"]).all()
    assert np.isnan(found["correlation"]).all()


def test_bad_input():
    with pytest.raises(SettingError, match="max_lag is one step at least and half the window"):
        LeadLag("a", "b", max_lag="31s", window="60s")
    with pytest.raises(SettingError, match="max_lag is one step at least"):
        LeadLag("a", "b", max_lag="10ms", step="100ms")
    with pytest.raises(SettingError, match="step is at most the window"):
        LeadLag("a", "b", step="2min")
    with pytest.raises(SettingError, match="every is at most the window"):
        LeadLag("a", "b", window="10s", every="1min")
    with pytest.raises(SchemaError, match="LeadLag takes a column of kind"):
        LeadLag("a", "key").bind(SCHEMA, ManualClock())
