"""Mail against a real SMTP server, with TLS, killed and started again."""

import contextlib
import email
import email.policy
import socket

import pytest

from livewidget import DataStreamer
from livewidget.data.errors import SettingError
from livewidget.engine.alerts.handlers import Email
from livewidget.engine.alerts.manager import AlertManager
from livewidget.engine.alerts.runner import HandlerRunner
from livewidget.engine.thread import Engine
from livewidget.pipeline.alerts.event import ALERTS
from livewidget.resilience.backoff import Backoff
from livewidget.sinks.delivery import DeliveryError
from livewidget.sinks.notify_email import Mailer
from livewidget.testing import wait_until

controller = pytest.importorskip("aiosmtpd.controller", reason="aiosmtpd is not installed")
smtp = pytest.importorskip("aiosmtpd.smtp", reason="aiosmtpd is not installed")

S = 10**9
ME, YOU = "alerts@example.org", "you@example.org"


class Stopping(controller.Controller):
    """Its server, which forgets no connection that it took in the moment it was stopped.

    A task that is cancelled before its first step closes nothing: so the listener goes first,
    and the tasks one turn of the loop later, once all have begun.
    """

    def cancel_tasks(self, stop_loop=True):
        self.server.close()
        self.loop.call_soon(super().cancel_tasks, stop_loop)


class Post:
    """A mail server's box: takes what it is told to take."""

    def __init__(self, tls=None, port=0, **options):
        self.mails, self.refusal, self.port = [], None, port
        self._options = {"tls_context": tls, "require_starttls": tls is not None} | options
        self._controller = None
        self.start()

    async def handle_DATA(self, _server, _session, envelope):  # noqa: N802  (its name for it)
        if self.refusal is not None:
            return self.refusal
        self.mails.append(email.message_from_bytes(envelope.content, policy=email.policy.default))
        return "250 taken"

    def start(self):
        if self.port == 0:
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                self.port = probe.getsockname()[1]
        self._controller = Stopping(self, hostname="localhost", port=self.port, **self._options)
        self._controller.start()

    def stop(self):
        self._controller.stop()


@pytest.fixture
def server():
    with contextlib.ExitStack() as stack:

        def make(**options):
            made = Post(**options)
            stack.callback(made.stop)
            return made

        yield make


def mailer(post, **options):
    return Mailer("localhost", post.port, ME, [YOU], **{"tls": "none"} | options)


def test_a_mail_arrives_encrypted_by_an_authority_of_ones_own(server, localhost):
    certificate, serving = localhost
    post = server(tls=serving)
    sent = mailer(post, tls="starttls", cafile=certificate)
    sent.send("Hot: 41 °C", "It is hot.\n.\nEven here.\n", key="k1")
    mail = post.mails[0]
    assert (mail["Subject"], mail["From"], mail["To"]) == ("Hot: 41 °C", ME, YOU)
    assert mail["Message-ID"] == "<k1@example.org>"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail.get_content().splitlines() == ["It is hot.", ".", "Even here."]
    with pytest.raises(DeliveryError, match="its certificate is not valid") as caught:
        mailer(post, tls="starttls").send("s", "b", key="k")
    assert not caught.value.again
    assert len(post.mails) == 1


def test_where_encryption_is_asked_for_nothing_goes_in_the_clear(server):
    post = server()
    with pytest.raises(DeliveryError, match="STARTTLS") as caught:
        mailer(post, tls="starttls", user="me", password="hidden").send("s", "b", key="k")
    assert not caught.value.again
    assert post.mails == []


def test_tls_from_the_first_byte(server, localhost):
    certificate, serving = localhost
    post = server(tls=None, ssl_context=serving)
    mailer(post, tls="tls", cafile=certificate).send("s", "b", key="k")
    assert len(post.mails) == 1


def test_a_password_is_sent_and_a_wrong_one_never_shown(server, localhost):
    certificate, serving = localhost

    def known(_server, _session, _envelope, _mechanism, data):
        knows = (data.login, data.password) == (b"me", b"hidden")
        return smtp.AuthResult(success=knows, handled=knows)

    post = server(tls=serving, authenticator=known, auth_required=True)
    safe = {"tls": "starttls", "cafile": certificate, "user": "me"}
    mailer(post, password="hidden", **safe).send("s", "b", key="k")
    assert len(post.mails) == 1
    wrong = mailer(post, password="secret-word", **safe)
    with pytest.raises(DeliveryError, match="does not let us in") as caught:
        wrong.send("s", "b", key="k")
    assert not caught.value.again
    assert "secret-word" not in f"{caught.value} {wrong!r} {vars(wrong)['name']}"


def test_no_line_break_gets_into_a_header(server):
    post = server()
    mailer(post).send("hot\r\nBcc: all@example.org\n\nbody\x00\x1b[31m", "b", key="k\r\nX: y")
    mail = post.mails[0]
    assert mail["Bcc"] is None
    assert mail["X"] is None
    assert mail["Subject"].startswith("hot  Bcc: all@example.org  body")


@pytest.mark.parametrize(("refusal", "again"), [("451 later", True), ("554 never", False)])
def test_what_a_reply_means(server, refusal, again):
    post = server()
    post.refusal = refusal
    with pytest.raises(DeliveryError, match=refusal) as caught:
        mailer(post).send("s", "b", key="k")
    assert caught.value.again is again


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"sender": "me"}, "sender is a mail address"),
        ({"sender": "me@example.org\r\nBcc: x@example.org"}, "sender is a mail address"),
        ({"to": []}, "to names nobody"),
        ({"to": ["x"]}, "to is a mail address such as 'me@example.org', got 'x'"),
        ({"tls": "ssl"}, "tls is one of starttls, tls, none; got 'ssl'"),
        ({"tls": "none"}, "tls='none' sends in the clear, and mail.example.org is another"),
        ({"user": "me"}, "user and password go together"),
        ({"port": 0}, "port is a whole number"),
        ({"cafile": "/nowhere.pem"}, "cafile: there is no file"),
    ],
)
def test_what_cannot_be_is_refused_at_once(options, said):
    given = {"host": "mail.example.org", "port": 587, "sender": ME, "to": YOU} | options
    with pytest.raises(SettingError, match=said):
        Email(**given)


def row(number):
    return {
        "time": (1_700_000_000 + number) * S,
        "rule": "hot",
        "key": str(number),
        "state": "firing",
        "priority": "critical",
        "value": 41.5,
        "since": (1_700_000_000 + number) * S,
        "message": "it is hot",
    }


@pytest.fixture
def alerts():
    engine = Engine()
    streamer = DataStreamer(schema=ALERTS, max_ahead=None, engine=engine)
    yield engine, streamer
    streamer.stop()
    engine.close()


def managed(alerts, post, attempts):
    engine, streamer = alerts
    handler = Email("localhost", post.port, ME, YOU, tls="none", timeout=5.0)
    runner = HandlerRunner(
        handler, engine=engine, backoff=lambda: Backoff(0.01, 0.05, attempts=attempts)
    )
    manager = AlertManager(engine=engine, handlers=[runner], group_by=("key",), group_interval=0)
    manager.watch(streamer, output=None)
    return manager, runner


def test_a_server_that_is_killed_and_started_again_loses_nothing(alerts, server):
    post = server()
    manager, runner = managed(alerts, post, None)
    for number in range(30):
        alerts[1].push([row(number)])
        if number == 10:
            wait_until(lambda: post.mails)
            post.stop()
            wait_until(lambda: runner.stats()["failed"])
        if number == 20:
            post.start()
    wait_until(lambda: runner.stats()["delivered"] == 30)
    assert {each["Message-ID"] for each in post.mails}.__len__() == 30
    assert "hot [9]: it is hot (value 41.5)" in "".join(each.get_content() for each in post.mails)
    assert post.mails[0]["Subject"] == "[FIRING:1] hot (critical)"
    manager.close()


def test_a_server_that_is_not_there_is_said_and_harms_no_stream(alerts, server):
    post = server()
    post.stop()
    manager, runner = managed(alerts, post, 2)
    alerts[1].push([row(number) for number in range(3)])
    wait_until(lambda: len(runner.dead) == 3)
    said = f"smtp://localhost:{post.port} cannot be reached (nothing answers there)"
    assert runner.dead[0].reason == said
    account = alerts[1].account()
    assert (account.received, account.dropped, account.rejected) == (3, 0, 0)
    assert len(manager.alerts) == 3
    post.start()
    assert runner.replay() == 3
    wait_until(lambda: len(post.mails) == 3)
    manager.close()
