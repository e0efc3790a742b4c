"""Mail over SMTP (RFC 5321), encrypted unless it stays on this machine."""

from __future__ import annotations

import contextlib
import ipaddress
import smtplib
import socket
import ssl
from collections.abc import Iterable
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime, localtime
from pathlib import Path

from livewidget.data.errors import SettingError, quote
from livewidget.sinks.delivery import DeliveryError

TLS = ("starttls", "tls", "none")
_FOR_GOOD = 500  # SMTP: replies from here up mean that trying again is of no use
_LONGEST_SUBJECT = 200
_REFUSED = (smtplib.SMTPAuthenticationError, smtplib.SMTPNotSupportedError)


class Mailer:
    """Sends plain-text mails through one server; blocks: not on a loop. Opens one connection each.

    `tls` is "starttls" (as a rule port 587), "tls" from the first byte (465), or "none", which is
    for a server on this machine alone unless `insecure`. Certificates are verified, against
    `cafile` (PEM) where it is given. Raises SettingError for what cannot be.
    """

    def __init__(
        self,
        host: str,
        port: int,
        sender: str,
        to: str | Iterable[str],
        *,
        user: str | None = None,
        password: str | None = None,
        tls: str = "starttls",
        cafile: str | Path | None = None,
        insecure: bool = False,
        timeout: float = 10.0,
    ) -> None:
        if tls not in TLS:
            raise SettingError(f"tls is one of {', '.join(TLS)}; got {quote(tls)}")
        if tls == "none" and not (insecure or is_loopback(host)):
            raise SettingError(f"tls='none' sends in the clear, and {host} is another machine")
        if (user is None) != (password is None):
            raise SettingError("user and password go together")
        if not 0 < port < 1 << 16:
            raise SettingError(f"port is a whole number from 1 to 65535, got {quote(port)}")
        self.host, self.port = host, port
        self.sender = address(sender, "sender")
        self.to = tuple(address(each, "to") for each in ([to] if isinstance(to, str) else to))
        if not self.to:
            raise SettingError("to names nobody")
        self.name = f"smtp://{host}:{port}"
        self._login = None if user is None or password is None else (user, password)
        self._tls = tls
        self._timeout_s = timeout
        self._context = None if tls == "none" else _trusting(cafile)

    def send(self, subject: str, body: str, *, key: str) -> None:
        """Send one mail. `key` names it, at every attempt alike: it is its Message-ID.

        Raises DeliveryError, which says whether to try again.
        """
        message = self._message(subject, body, key)
        try:
            with self._connected() as server:
                refused = server.send_message(message)
        except _REFUSED as error:
            raise DeliveryError(
                f"{self.name} does not let us in ({_said(error)})", again=False
            ) from None
        except smtplib.SMTPRecipientsRefused as error:
            codes = [code for code, _ in error.recipients.values()]
            again = any(code < _FOR_GOOD for code in codes)
            raise DeliveryError(
                f"{self.name} takes no mail for {self._whom()}", again=again
            ) from None
        except smtplib.SMTPResponseException as error:
            again = error.smtp_code < _FOR_GOOD
            raise DeliveryError(f"{self.name} refuses ({_said(error)})", again=again) from None
        except ssl.SSLCertVerificationError as error:
            reason = f"{self.name}: its certificate is not valid ({error.verify_message})"
            raise DeliveryError(reason, again=False) from None
        except TimeoutError:
            raise DeliveryError(f"there was no answer in time from {self.name}") from None
        except (OSError, smtplib.SMTPException) as error:
            raise DeliveryError(f"{self.name} cannot be reached ({_said(error)})") from None
        if refused:  # the others have it: to send again would tell them twice
            raise DeliveryError(f"{self.name} takes no mail for {', '.join(refused)}", again=False)

    def _connected(self) -> smtplib.SMTP:
        if self._tls == "tls":
            assert self._context is not None
            server: smtplib.SMTP = smtplib.SMTP_SSL(
                self.host, self.port, timeout=self._timeout_s, context=self._context
            )
        else:
            server = smtplib.SMTP(self.host, self.port, timeout=self._timeout_s)
        try:
            if self._tls == "starttls":
                server.starttls(context=self._context)
            if self._login is not None:
                server.login(*self._login)
        except BaseException:
            server.close()
            raise
        return server

    def _message(self, subject: str, body: str, key: str) -> EmailMessage:
        message = EmailMessage()
        message["Subject"] = one_line(subject)[:_LONGEST_SUBJECT]
        message["From"] = self.sender
        message["To"] = self.to
        message["Date"] = format_datetime(localtime())
        message["Message-ID"] = f"<{one_line(key)}@{self.sender.domain}>"
        message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office answers, please
        message.set_content(body.encode("utf-8", "replace").decode())
        return message

    def _whom(self) -> str:
        return ", ".join(each.addr_spec for each in self.to)

    def __repr__(self) -> str:
        return f"Mailer({self.name!r}, to={self._whom()!r})"


def address(text: str, name: str) -> Address:
    """Return a mail address. Raises SettingError for what is none, line breaks above all."""
    found = Address()
    if text == one_line(text):
        with contextlib.suppress(Exception):  # the standard library's parser has errors of its own
            found = Address(addr_spec=text)
    if not (found.username and found.domain):
        raise SettingError(f"{name} is a mail address such as 'me@example.org', got {quote(text)}")
    return found


def one_line(text: str) -> str:
    """Return a text that cannot end a header's line: control characters are spaces."""
    shown = text.encode("utf-8", "replace").decode()
    return "".join(each if each.isprintable() else " " for each in shown)


def is_loopback(host: str) -> bool:
    """Say whether a host is this machine, by its address or as localhost."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _trusting(cafile: str | Path | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=cafile)
    except FileNotFoundError:
        raise SettingError(f"cafile: there is no file {cafile}") from None
    except OSError as error:
        raise SettingError(f"cafile: {cafile} holds no certificate in PEM ({error})") from None


def _said(error: Exception) -> str:
    """Return what a server said, in one short line."""
    if isinstance(error, smtplib.SMTPResponseException):
        said = error.smtp_error
        text = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
        return f"{error.smtp_code} {one_line(text)[:_LONGEST_SUBJECT]}"
    if isinstance(error, (ConnectionRefusedError, socket.gaierror)):
        return (
            "nothing answers there" if isinstance(error, ConnectionRefusedError) else "no such host"
        )
    return one_line(str(error))[:_LONGEST_SUBJECT] or type(error).__name__
