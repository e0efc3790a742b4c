"""Servers for the sinks to write to, and a hand-made client for those that serve."""

import asyncio
import contextlib
import datetime as dt
import shutil
import socket
import ssl
import subprocess
import sys
from pathlib import Path

import pytest

from livewidget.testing import KafkaServer, RecordingOutlet, SourceRunner, wait_until

BIN = Path(sys.executable).parent
START_S = 30.0


def program(name):
    """The path of a program, beside Python, in the PATH or where a system keeps its daemons."""
    for folder in (str(BIN), None, "/usr/sbin"):
        if found := shutil.which(name, path=folder):
            return found
    return pytest.skip(f"{name} is not installed")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def answers(port):
    with contextlib.suppress(OSError):
        socket.create_connection(("127.0.0.1", port), 0.2).close()
        return True
    return False


@contextlib.contextmanager
def served(command, port):
    """A server as a process, from the moment its port answers."""
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, **quiet)
    try:
        wait_until(lambda: answers(port) or process.poll() is not None, START_S)
        assert process.poll() is None, f"{command[0]} ended with {process.returncode}"
        yield port
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture(scope="session")
def kafka(tmp_path_factory):
    """The port of a server of the Kafka protocol."""
    pytest.importorskip("confluent_kafka", reason="confluent-kafka is not installed")
    if not KafkaServer.is_available():
        pytest.skip("noida-db, the server of Kafka's protocol, is not installed")
    with KafkaServer(tmp_path_factory.mktemp("kafka")) as server:
        yield server.port


@pytest.fixture
def mosquitto(tmp_path):
    """The port of an MQTT broker that wants a password: user, secret."""
    pytest.importorskip("aiomqtt", reason="aiomqtt is not installed")
    port, passwords, settings = free_port(), tmp_path / "passwords", tmp_path / "mosquitto.conf"
    broker = program("mosquitto")
    subprocess.run(
        [program("mosquitto_passwd"), "-b", "-c", passwords, "user", "secret"], check=True
    )
    settings.write_text(
        f"listener {port} 127.0.0.1\nallow_anonymous false\npassword_file {passwords}\n"
        "max_queued_messages 0\nuser root\n"
    )
    with served([broker, "-c", str(settings)], port):
        yield port


@pytest.fixture
def outlet():
    return RecordingOutlet()


@pytest.fixture
async def running():
    async with SourceRunner() as runner:
        yield runner.start


class RawClient:
    """A socket and what was written to it by hand."""

    def __init__(self, reader, writer):
        self.reader = reader
        self.writer = writer

    async def ask(self, target="/", *headers, method="GET"):
        """Send a request; the status, the headers (lower case) and the body, where it has one."""
        lines = [f"{method} {target} HTTP/1.1", "Host: test", *headers, "", ""]
        self.writer.write("\r\n".join(lines).encode())
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode()
        status, *rest = head.strip().split("\r\n")
        named = dict(line.lower().split(": ", 1) for line in rest)
        body = await self.reader.readexactly(int(named.get("content-length", 0)))
        return int(status.split()[1]), named, body

    async def event(self):
        """The next event of a stream: its lines, without the empty one behind."""
        return (await self.reader.readuntil(b"\n\n")).decode().strip().split("\n")


@pytest.fixture
async def connect():
    """Opens raw connections to a port, and closes them."""
    async with contextlib.AsyncExitStack() as stack:

        async def opened(port, receive_buffer=None):
            plain = socket.socket()
            if receive_buffer is not None:
                plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
            plain.setblocking(False)
            await asyncio.get_running_loop().sock_connect(plain, ("127.0.0.1", port))
            # A small limit: what is not read stays in the socket.
            reader, writer = await asyncio.open_connection(sock=plain, limit=1 << 14)
            stack.callback(writer.close)
            return RawClient(reader, writer)

        yield opened


@pytest.fixture(scope="session")
def localhost(tmp_path_factory):
    """A certificate for localhost that signs itself, in PEM, and what a server speaks TLS by."""
    pytest.importorskip("cryptography", reason="cryptography is not installed")
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    shape = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    folder = tmp_path_factory.mktemp("localhost")
    certificate, private = folder / "certificate.pem", folder / "key.pem"
    certificate.write_bytes(signed.public_bytes(pem))
    private.write_bytes(key.private_bytes(pem, *shape))
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(certificate, private)
    return certificate, serving
