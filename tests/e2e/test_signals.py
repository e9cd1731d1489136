"""A signal in the middle of a call to AWS ends the command at once, and what is known is still handed out."""

from __future__ import annotations

import json
import os
import signal
import socket
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from tests.support.consumer import MEAN, Consumer, write

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@dataclass(kw_only=True)
class Silence:
    """A server that takes requests and never answers."""

    url: str
    asked: threading.Event = field(default_factory=threading.Event)
    connections: list[socket.socket] = field(default_factory=list)


@contextmanager
def silent() -> Iterator[Silence]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        silence = Silence(url=f"http://127.0.0.1:{server.getsockname()[1]}")

        def accept() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                connection.recv(65536)
                silence.connections.append(connection)
                silence.asked.set()

        thread = threading.Thread(target=accept)
        thread.start()
        try:
            yield silence
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join()
            for connection in silence.connections:
                connection.close()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_during_a_call_ends_the_command_and_no_call_is_repeated(
    number: signal.Signals, code: int, tmp_path: Path
) -> None:
    text = MEAN["shapemaker.yml"].replace("NAME", "mean")
    folder = write(tmp_path / "mean", {**MEAN, "shapemaker.yml": text})
    outputs = tmp_path / "outputs"
    with silent() as silence:
        environ = {
            "AWS_ENDPOINT_URL": silence.url,
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "GITHUB_ACTIONS": "true",
            "GITHUB_EVENT_NAME": "push",
            "GITHUB_OUTPUT": str(outputs),
        }
        consumer = Consumer(folder=folder, state=tmp_path / "state", environ=environ)
        process = consumer.start("validate,status", "--format", "json")
        assert silence.asked.wait(60)
        process.send_signal(number)
        # The second one comes while the first is reported, as from somebody impatient.
        process.send_signal(number)
        stdout, stderr = process.communicate(timeout=30)
        assert len(silence.connections) == 1, "botocore takes no signal for a fault of the network"
    assert process.returncode == code, stderr
    document = json.loads(stdout)
    assert document["exit-code"] == code
    assert [done["stage"] for done in document["stages"]] == ["validate"]
    assert "result<<" in outputs.read_text(encoding="utf-8")
    assert "Traceback" not in stderr
    assert "::error::cancelled" in stderr


def test_ctrl_c_is_how_serving_ends_and_the_server_ends_with_it(tmp_path: Path) -> None:
    text = MEAN["shapemaker.yml"].replace("NAME", "mean")
    python = "#!/bin/sh\ntrap 'echo server ended; exit 0' TERM\necho serving\nwhile :; do sleep 0.1; done\n"
    folder = write(tmp_path / "mean", {**MEAN, "shapemaker.yml": text})
    program = write(tmp_path / "bin", {"python3": python}) / "python3"
    program.chmod(0o755)
    environ = {"PATH": f"{program.parent}:{os.environ['PATH']}"}
    process = Consumer(folder=folder, state=tmp_path / "state", environ=environ).start(
        "dev", "serve", "--bare", "--format", "json"
    )
    assert process.stderr
    said = iter(process.stderr.readline, "")
    assert any("serving" in line for line in said if not line.startswith("  "))
    process.send_signal(signal.SIGINT)
    stdout, rest = process.communicate(timeout=60)
    assert process.returncode == 0, rest
    assert json.loads(stdout)["error"] is None
    assert "server ended" in rest
    assert "stopped serving" in rest
