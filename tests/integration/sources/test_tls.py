import shutil
import ssl

import pytest

from livewidget.data.errors import SourceError
from livewidget.sources import SseSource, resolve
from livewidget.testing import HttpServer, WebSocketServer, wait_for

pytestmark = pytest.mark.skipif(
    shutil.which("openssl") is None, reason="the openssl command makes the test's certificate"
)


@pytest.fixture
def server(serving):
    with WebSocketServer(tls=serving) as server:
        yield server


async def test_a_certificate_nobody_vouches_for_is_refused_at_once(server, outlet, running):
    assert server.url.startswith("wss://")
    with pytest.raises(SourceError, match=r"its certificate is not valid .*self.signed"):
        await running(resolve(server.url, proxy=None), outlet)


async def test_a_certificate_that_is_trusted_is_accepted(server, certificate, outlet, running):
    trusting = ssl.create_default_context(cafile=str(certificate[0]))
    running(resolve(server.url, tls=trusting, proxy=None), outlet)
    await wait_for(lambda: server.clients)
    server.send({"n": 1})
    await wait_for(lambda: outlet.column("n") == [1])


async def test_a_certificate_for_another_name_is_refused(server, certificate, outlet, running):
    trusting = ssl.create_default_context(cafile=str(certificate[0]))
    url = server.url.replace("localhost", "127.0.0.1")
    with pytest.raises(SourceError, match="its certificate is not valid"):
        await running(resolve(url, tls=trusting, proxy=None), outlet)


@pytest.fixture
def https(serving):
    with HttpServer(tls=serving) as server:
        yield server


async def test_over_http_too_a_certificate_must_be_vouched_for(https, certificate, outlet, running):
    url = f"{https.url}/events"
    with pytest.raises(SourceError, match="its certificate is not valid"):
        await running(SseSource(url, proxy=False), outlet)
    trusting = ssl.create_default_context(cafile=str(certificate[0]))
    running(SseSource(url, proxy=False, tls=trusting), outlet)
    await wait_for(lambda: https.clients)
    https.send({"n": 1})
    await wait_for(lambda: outlet.column("n") == [1])
