"""TLS with an authority and client certificates of one's own."""

import shutil
import ssl
import subprocess

import pytest

from livewidget.data.errors import SettingError, SourceError
from livewidget.data.events import State
from livewidget.resilience import Backoff
from livewidget.sources import OAuth2, SseSource, WebSocketSource, tls
from livewidget.testing import HttpServer, WebSocketServer, wait_for

pytestmark = pytest.mark.skipif(
    shutil.which("openssl") is None, reason="the openssl command makes the test's certificates"
)
PASSWORD = "hunter2-swordfish"
CURVE = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1")


def openssl(*words):
    subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two authorities, `ours` and `other`; by `ours` a server's and a client's certificate."""
    folder = tmp_path_factory.mktemp("authority")
    for name in ("ours", "other"):
        files = ("-keyout", folder / f"{name}.key", "-out", folder / f"{name}.pem")
        openssl("req", "-x509", *CURVE, "-nodes", "-days", 2, "-subj", f"/CN={name}", *files)
    for name in ("localhost", "client"):
        request, key, out = (folder / f"{name}.{each}" for each in ("csr", "key", "pem"))
        san = ("-addext", f"subjectAltName=DNS:{name}")
        openssl(
            "req", *CURVE, "-nodes", "-subj", f"/CN={name}", *san, "-keyout", key, "-out", request
        )
        signing = ("-CA", folder / "ours.pem", "-CAkey", folder / "ours.key", "-CAcreateserial")
        copying = ("-copy_extensions", "copy", "-days", 2)
        openssl("x509", "-req", "-in", request, *signing, *copying, "-out", out)
    locked = ("-aes256", "-passout", f"pass:{PASSWORD}", "-out", folder / "locked.key")
    openssl("ec", "-in", folder / "client.key", *locked)
    return folder


@pytest.fixture
def serving(folder):
    """What a server speaks that asks each client for a certificate by `ours`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "localhost.pem", folder / "localhost.key")
    context.load_verify_locations(folder / "ours.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    return context


@pytest.fixture
def server(serving):
    with WebSocketServer(tls=serving) as server:
        yield server


@pytest.mark.parametrize(
    ("key", "password"), [("client.key", None), ("locked.key", PASSWORD)], ids=["plain", "locked"]
)
async def test_a_client_certificate_opens_the_door(
    server, serving, folder, outlet, running, key, password
):
    ours = tls(folder / "ours.pem", folder / "client.pem", folder / key, password)
    running(WebSocketSource(server.url, tls=ours, proxy=None), outlet)
    await wait_for(lambda: server.clients)
    server.send({"n": 1})
    await wait_for(lambda: outlet.column("n") == [1])
    with HttpServer(tls=serving) as https:
        running(SseSource(f"{https.url}/events", tls=ours, proxy=False), outlet)
        await wait_for(lambda: https.clients)


async def test_without_one_it_stays_shut(server, folder, outlet, running):
    backoff = Backoff(0.001, 0.01, attempts=2)
    bare = tls(folder / "ours.pem")
    with pytest.raises(SourceError):
        await running(WebSocketSource(server.url, tls=bare, proxy=None, backoff=backoff), outlet)
    assert State.LIVE not in [state for state, _, _ in outlet.states]


async def test_another_authority_than_the_servers_is_refused_at_once(
    server, folder, outlet, running
):
    wrong = tls(folder / "other.pem", folder / "client.pem", folder / "client.key")
    with pytest.raises(SourceError, match="its certificate is not valid"):
        await running(WebSocketSource(server.url, tls=wrong, proxy=None), outlet)
    auth = OAuth2(f"https://localhost:{server.port}", "me", PASSWORD, tls=wrong, proxy=False)
    with pytest.raises(SourceError, match=r"no token from localhost.*CERTIFICATE_VERIFY_FAILED"):
        await auth.credentials(fresh=True)


def test_the_context_always_verifies(folder):
    client = folder / "client.pem", folder / "client.key"
    for context in (tls(), tls(folder / "ours.pem"), tls(folder), tls(None, *client)):
        assert context.verify_mode is ssl.CERT_REQUIRED
        assert context.check_hostname
        assert context.minimum_version >= ssl.TLSVersion.TLSv1_2


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"ca": "none.pem"}, "ca: there is no file .*none.pem"),
        ({"ca": "ours.key"}, "ours.key holds no certificate"),
        ({"certificate": "none.pem"}, "there is no file .*none.pem"),
        ({"certificate": "client.pem"}, "client.pem cannot be used"),
        (
            {"certificate": "client.pem", "key": "ours.key"},
            "with the key .*ours.key cannot be used",
        ),
        ({"certificate": "client.pem", "key": "locked.key"}, "or a wrong password"),
        ({"key": "client.key"}, "belong to a certificate"),
    ],
)
def test_what_cannot_be_read_is_named(folder, options, said):
    with pytest.raises(SettingError, match=said):
        tls(**{name: folder / file for name, file in options.items()})


def test_a_wrong_password_is_not_shown(folder):
    with pytest.raises(SettingError, match="or a wrong password") as caught:
        tls(None, folder / "client.pem", folder / "locked.key", "wrong-password")
    assert "wrong-password" not in f"{caught.value!r} {caught.value.__cause__}"
