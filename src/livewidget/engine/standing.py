"""How a stream does: what its source knows of the connection, and what the stream itself knows."""

from __future__ import annotations

from dataclasses import replace

from livewidget.data.events import State
from livewidget.data.health import Health
from livewidget.resilience.health import MOST_LOSS


def standing(
    known: Health | None, state: tuple[State, str, int], received: int, lost: int, silent_s: float
) -> Health:
    """Return the health of a stream in a `state`.

    `known` is what its source knows, None where it has no connection. `received` events came,
    `lost` are missing by their numbers; the last came `silent_s` seconds ago.
    """
    what, detail, _ = state
    live = what is State.LIVE
    own = lost / (received + lost) if lost else 0.0
    if known is None:
        known = Health(
            state=what,
            uptime=float(live),
            round_trip_s=None,
            jitter_s=None,
            loss=0.0,
            missed=0,
            reconnects=0,
            silent_s=silent_s if received else None,
            healthy=live,
            reason="live" if live else "",
            quality=float(live),
        )
    loss = 1.0 - (1.0 - known.loss) * (1.0 - own)
    reason = known.reason
    if not live:
        reason = f"{what}: {detail}" if detail else str(what)
    elif known.healthy and own > MOST_LOSS:
        reason = f"{own:.1%} of the events did not come, by their numbers"
    return replace(
        known,
        state=what,
        loss=loss,
        missed=known.missed + lost,
        healthy=live and known.healthy and own <= MOST_LOSS,
        reason=reason,
        quality=known.quality * (1.0 - own) if live else 0.0,
    )
