"""What a handler is."""

from __future__ import annotations

from abc import ABC, abstractmethod

from livewidget.engine.alerts.alert import Notice


class Handler(ABC):
    """Tells somebody of alerts. `name` is for people and holds no secret.

    Its runner calls it on the engine's loop, tries again where it raises, and guards everybody
    else against it.
    """

    name: str = "handler"

    @abstractmethod
    async def deliver(self, notice: Notice) -> None:
        """Tell of it. Raises DeliveryError, which says whether to try again, or anything else.

        It may be called with the same notice again, also where it had succeeded but could not say
        so: `notice.id` tells.
        """

    @property
    def hanging(self) -> int:
        """How many calls that were given up have not returned yet."""
        return 0

    async def close(self) -> None:  # noqa: B027  (most have nothing open)
        """Let go of what is open. Harmless where nothing is."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r})"
