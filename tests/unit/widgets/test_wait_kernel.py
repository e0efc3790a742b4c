"""Waiting in a cell of a real kernel, with a client's messages coming in on the main shell."""

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

jupyter_client = pytest.importorskip("jupyter_client", reason="no Jupyter: no kernel to wait in")

KERNELS = {"this": sys.executable, "ipykernel 6": os.environ.get("LIVEWIDGET_KERNEL6_PYTHON")}

OPEN_A_COMM = """
import time, comm
from livewidget.widgets.wait import wait
got = []
c = comm.create_comm(target_name="test")
c.on_msg(lambda message: got.append(message["content"]["data"]))
print(c.comm_id, end="")
"""


class Kernel:
    """A started kernel and a client of it that reads what a cell prints."""

    def __init__(self, python: str, folder: Path) -> None:
        spec = folder / "kernels" / "test"
        spec.mkdir(parents=True)
        argv = [python, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        about = {"argv": argv, "display_name": "test", "language": "python"}
        (spec / "kernel.json").write_text(json.dumps(about))
        specs = jupyter_client.kernelspec.KernelSpecManager(kernel_dirs=[str(folder / "kernels")])
        self.manager = jupyter_client.KernelManager(kernel_name="test", kernel_spec_manager=specs)
        self.manager.start_kernel(cwd=str(folder))
        self.client = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=60)

    def start(self, code: str) -> str:
        # A kernel that stops on an error drops what comes right after it, our own marker too.
        return self.client.execute(code, stop_on_error=False)

    def outcome(self, request: str) -> tuple[str, str]:
        """What the cell printed, and the error it ended with or the empty string."""
        reply = self.client.get_shell_msg(timeout=30)
        while reply["parent_header"].get("msg_id") != request:
            reply = self.client.get_shell_msg(timeout=30)
        # What a cell prints comes before its reply, but on another channel.
        printed = self.printed_so_far()
        error = reply["content"]
        return printed, f"{error['ename']}: {error['evalue']}" if "ename" in error else ""

    def printed_so_far(self) -> str:
        """Everything printed until a marker of our own comes by."""
        self.client.execute("print('END', end='', flush=True)")
        printed = ""
        while not printed.endswith("END"):
            message = self.client.get_iopub_msg(timeout=30)
            if message["msg_type"] == "stream":
                printed += message["content"]["text"]
        return printed.removesuffix("END")

    def run(self, code: str) -> str:
        printed, error = self.outcome(self.start(code))
        assert not error
        return printed

    def say(self, comm_id: str, data: object) -> None:
        message = self.client.session.msg("comm_msg", {"comm_id": comm_id, "data": data})
        self.client.shell_channel.send(message)

    def until_busy(self, word: str) -> None:
        """Read what cells print until `word` comes: the cell is where it says so."""
        while True:
            message = self.client.get_iopub_msg(timeout=30)
            if message["msg_type"] == "stream" and word in message["content"]["text"]:
                return

    def stop(self) -> None:
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)


@pytest.fixture(params=KERNELS, scope="module")
def kernel(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Kernel]:
    python = KERNELS[request.param]
    if python is None:
        pytest.skip("LIVEWIDGET_KERNEL6_PYTHON names no python with ipykernel 6")
    kernel = Kernel(python, tmp_path_factory.mktemp("kernel"))
    yield kernel
    kernel.stop()


def test_messages_are_handled_while_a_cell_waits(kernel: Kernel) -> None:
    comm_id = kernel.run(OPEN_A_COMM)
    cell = kernel.start("print('waiting', flush=True); print(wait(lambda: got, timeout=20))")
    kernel.until_busy("waiting")
    kernel.say(comm_id, {"pressed": 1})
    assert kernel.outcome(cell) == ("[{'pressed': 1}]\n", "")


def test_the_next_cells_wait_their_turn_and_then_run(kernel: Kernel) -> None:
    comm_id = kernel.run(OPEN_A_COMM)
    first = kernel.start(
        "print('waiting', flush=True); wait(lambda: got, timeout=20); order = ['first']"
    )
    kernel.until_busy("waiting")
    second = kernel.start("order.append('second')")
    kernel.say(comm_id, {})
    kernel.outcome(first)
    kernel.outcome(second)
    assert kernel.run("print(order, end='')") == "['first', 'second']"


def test_cells_keep_their_order_whenever_they_came(kernel: Kernel) -> None:
    comm_id = kernel.run(OPEN_A_COMM)
    first = [
        kernel.start("order = []; time.sleep(0.3)"),  # the next two are then received at once
        kernel.start(
            "order.append(1); print('waiting', flush=True); wait(lambda: got, timeout=20)"
        ),
        kernel.start("order.append(2); wait(lambda: len(got) > 1, timeout=20)"),
    ]
    kernel.until_busy("waiting")
    last = [kernel.start(f"order.append({place})") for place in (3, 4)]
    kernel.say(comm_id, {"pressed": 1})
    kernel.say(comm_id, {"pressed": 2})
    for request in first + last:
        kernel.outcome(request)
    assert kernel.run("print(order, end='')") == "[1, 2, 3, 4]"


def test_a_timeout_names_the_line_that_waited(kernel: Kernel) -> None:
    kernel.run(OPEN_A_COMM)
    _, error = kernel.outcome(kernel.start("wait(lambda: len(got) > 3, timeout=0.1)"))
    assert error == (
        "TimeoutError: waited 0.1 s in vain for wait(lambda: len(got) > 3, timeout=0.1)"
    )


def test_an_interrupt_ends_the_wait_and_not_the_kernel(kernel: Kernel) -> None:
    kernel.run(OPEN_A_COMM)
    cell = kernel.start("print('waiting', flush=True); wait(lambda: False)")
    kernel.until_busy("waiting")
    kernel.manager.interrupt_kernel()
    _, error = kernel.outcome(cell)
    assert error.startswith("KeyboardInterrupt")
    assert kernel.run("print(wait(lambda: 5), end='')") == "5"
