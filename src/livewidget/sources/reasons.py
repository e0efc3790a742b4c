"""What a failing network says, in a person's words."""

from __future__ import annotations

import socket
import ssl

_REASONS = {
    socket.gaierror: "there is no address for",
    TimeoutError: "there was no answer in time from",
    ConnectionRefusedError: "nothing answers at",
}


def network_reason(error: BaseException, host: str) -> str | None:
    """Return one line on what went wrong with `host`; None where the error is of another kind."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"{host}: its certificate is not valid ({error.verify_message})"
    for kind, text in _REASONS.items():
        if isinstance(error, kind):
            return f"{text} {host}"
    if "Connect call failed" in str(error):  # asyncio's text where a name has several addresses
        return f"nothing answers at {host}"
    return None
