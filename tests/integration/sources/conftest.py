import shutil
import ssl
import subprocess
import sys
from pathlib import Path

import pytest

from livewidget.testing import HttpServer, RecordingOutlet, SourceRunner, WebSocketServer

# The servers' fixtures are modules beside this one.
sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture
def outlet():
    return RecordingOutlet()


@pytest.fixture
def server():
    with WebSocketServer() as server:
        yield server


@pytest.fixture
def http():
    with HttpServer() as server:
        yield server


@pytest.fixture
async def running():
    async with SourceRunner() as runner:
        yield runner.start


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    """A certificate that signs itself, for localhost, and its key."""
    if shutil.which("openssl") is None:
        pytest.skip("the openssl command makes the test's certificate")
    folder = tmp_path_factory.mktemp("tls")
    paths = folder / "certificate.pem", folder / "key.pem"
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2"
    command += " -subj /CN=localhost -addext subjectAltName=DNS:localhost"
    files = ["-out", paths[0], "-keyout", paths[1]]
    subprocess.run([*command.split(), *files], check=True, capture_output=True)
    return paths


@pytest.fixture
def serving(certificate):
    """What a server with this certificate speaks TLS by."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    return context
