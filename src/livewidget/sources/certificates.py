"""TLS with an authority or a client certificate of one's own."""

from __future__ import annotations

import ssl
from pathlib import Path

from livewidget.data.errors import SettingError


def tls(
    ca: str | Path | None = None,
    certificate: str | Path | None = None,
    key: str | Path | None = None,
    password: str | None = None,
) -> ssl.SSLContext:
    """Return what a source takes as `tls=`; the peer's certificate and name are always verified.

    `ca` is a PEM file, or a folder of hashed ones, with the authorities to trust in place of the
    system's. `certificate` is a PEM file that shows who we are, `key` its key where it is not in
    the same file, `password` the key's. Raises SettingError for what cannot be read.
    """
    context = _trusting(ca)
    if certificate is None:
        if key is not None or password is not None:
            raise SettingError("key and password belong to a certificate: set certificate as well")
        return context
    try:
        # Without a password the library would ask for one on the terminal, and a kernel has none.
        context.load_cert_chain(certificate, key, password=lambda: password or "")
    except FileNotFoundError:
        raise SettingError(f"there is no file {certificate} or no file {key}") from None
    except (OSError, ValueError) as error:
        what = f"{certificate}" if key is None else f"{certificate} with the key {key}"
        raise SettingError(
            f"{what} cannot be used: not PEM, no pair, or a wrong password ({_said(error)})"
        ) from None
    return context


def _trusting(ca: str | Path | None) -> ssl.SSLContext:
    if ca is None:
        return ssl.create_default_context()
    folder = Path(ca).is_dir()
    try:
        return ssl.create_default_context(
            cafile=None if folder else ca, capath=ca if folder else None
        )
    except FileNotFoundError:
        raise SettingError(f"ca: there is no file {ca}") from None
    except OSError as error:
        raise SettingError(f"ca: {ca} holds no certificate in PEM ({_said(error)})") from None


def _said(error: Exception) -> str:
    return getattr(error, "reason", None) or type(error).__name__
