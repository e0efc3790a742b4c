"""When people are told, as users write it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from livewidget.data.duration import seconds
from livewidget.engine.alerts.desk import Terms
from livewidget.pipeline.fields import names_of

_NOTHING = re.compile(r"0+(\.0*)?\s*[a-z]*")


def duration_ns(value: object, name: str) -> int:
    """Return a duration in ns that may be 0, too. Raises SettingError."""
    if value == 0 or (isinstance(value, str) and _NOTHING.fullmatch(value.strip())):
        return 0
    return round(seconds(value, name) * 1e9)


def terms_of(
    group_by: str | Sequence[str],
    group_wait: object,
    group_interval: object,
    repeat_interval: object,
    cool_down: object,
) -> Terms:
    """Return the terms. Raises SettingError that names the setting."""
    return Terms(
        group_by=names_of(group_by, "group_by"),
        group_wait=duration_ns(group_wait, "group_wait"),
        group_interval=duration_ns(group_interval, "group_interval"),
        repeat_interval=round(seconds(repeat_interval, "repeat_interval") * 1e9),
        cool_down=duration_ns(cool_down, "cool_down"),
    )
