"""What a message could not be delivered for, and whether to try again."""

from __future__ import annotations

from livewidget.data.errors import SinkError


class DeliveryError(SinkError):
    """A message that was not taken, with the reason in a line for people, without secrets.

    `again` says whether another attempt may help, `wait_s` how long the other side asks to wait.
    """

    def __init__(self, reason: str, *, again: bool = True, wait_s: float = 0.0) -> None:
        super().__init__(reason)
        self.again = again
        self.wait_s = wait_s
