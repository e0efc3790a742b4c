import socket
import threading

import pytest
from websockets.exceptions import ConnectionClosedError, ConnectionClosedOK
from websockets.sync.client import connect

from livewidget.testing import WebSocketServer, wait_until


def test_it_greets_sends_and_listens():
    with WebSocketServer(greeting=["hello"]) as server, connect(server.url, proxy=None) as client:
        assert client.recv() == "hello"
        wait_until(lambda: server.clients == 1)
        server.send({"a": 1}, "text", b"bytes")
        assert [client.recv() for _ in range(3)] == ['{"a": 1}', "text", b"bytes"]
        client.send("thanks")
        wait_until(lambda: server.received == ["thanks"])


def test_a_cut_is_no_farewell_and_a_dismissal_is_one():
    with WebSocketServer() as server:
        with connect(server.url, proxy=None) as client:
            wait_until(lambda: server.clients)
            server.cut()
            with pytest.raises(ConnectionClosedError):
                client.recv()
        with connect(server.url, proxy=None) as client:
            wait_until(lambda: server.clients)
            server.dismiss()
            with pytest.raises(ConnectionClosedOK):
                client.recv()


def test_one_that_has_left_is_no_client_any_more():
    with WebSocketServer() as server:
        for _ in range(50):
            with connect(server.url, proxy=None):
                wait_until(lambda: server.clients)
            assert server.clients == 0  # its farewell was answered: the connection may still be


def test_it_stops_and_starts_again_on_the_same_port():
    with WebSocketServer() as server:
        url = server.url
        server.stop()
        with pytest.raises(OSError, match="refused"), connect(url, proxy=None):
            pass
        server.start()
        assert server.url == url
        with connect(url, proxy=None):
            wait_until(lambda: server.clients)


def test_closing_ends_its_thread_also_when_the_port_is_taken():
    before = threading.active_count()
    server = WebSocketServer()
    server.close()
    server.close()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(OSError, match="in use"):
            WebSocketServer(taken.getsockname()[1])
    assert threading.active_count() == before
