"""Load a server for ten minutes with everything it takes, good and bad, and watch its memory.

    python -m tests.benchmarks.serving.soak [--minutes 10] [--server fast]

Prints the memory of all workers each half minute; ends with 1 if that of the last third is over the middle third's by
more than a twentieth, or if a good request got no answer.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

from tests.support.runtime import Image, Server, children, send

MODEL = """
import numpy as np

class Model:
    def load(self, directory):
        self.weights = np.arange(20.0)
    def predict(self, instances: np.ndarray) -> np.ndarray:
        return instances @ self.weights
"""
ROW = [1.5] * 20
CSV = "\n".join([",".join(map(str, ROW))] * 50)
REQUESTS: tuple[tuple[str, str, tuple[int, ...]], ...] = (
    (json.dumps({"instances": [ROW]}), "application/json", (200,)),
    (json.dumps({"instances": [ROW] * 300}), "application/json", (200,)),
    (CSV, "text/csv", (200,)),
    ("{", "application/json", (400,)),
    (json.dumps({"instances": [[1]]}), "application/json", (500,)),
    ("x", "text/plain", (415,)),
)
ALLOWED = 1.05


def main() -> int:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--server", choices=("fast", "stock"), default="fast")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        image = Image.make(Path(folder), MODEL)
        image.environ |= {"SHAPEMAKER_SERVE_WORKERS": "2", "SHAPEMAKER_SERVE_SERVER": given.server}
        with image.serving() as server:
            return _soak(server, given.minutes * 60)


def _soak(server: Server, seconds: float) -> int:
    over = threading.Event()
    seen: Counter[str] = Counter()
    clients = [threading.Thread(target=_ask, args=(server, over, seen, number)) for number in range(12)]
    for client in clients:
        client.start()
    began, samples = time.monotonic(), []
    while time.monotonic() - began < seconds:
        time.sleep(min(30, seconds / 20))
        samples.append(_megabytes(server))
        print(f"{time.monotonic() - began:6.0f} s  {samples[-1]:8.1f} MB  {dict(seen)}", flush=True)
    over.set()
    for client in clients:
        client.join()
    third = len(samples) // 3
    ratio = statistics.median(samples[-third:]) / statistics.median(samples[third : 2 * third])
    print(f"memory of the last third is {ratio:.3f} of the middle third's; wrong answers: {seen['wrong']}")
    return int(ratio > ALLOWED or seen["wrong"] > 0)


def _ask(server: Server, over: threading.Event, seen: Counter[str], number: int) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    count = number
    while not over.is_set():
        body, content_type, expected = REQUESTS[count % len(REQUESTS)]
        count += 1
        if count % 50 == 0:  # a client that comes back
            connection.close()
        try:
            status = send(connection, "POST", "/invocations", body, {"Content-Type": content_type}).status
        except (OSError, http.client.HTTPException):
            status = 0
            connection.close()
        seen["right" if status in expected else "wrong"] += 1
    connection.close()


def _megabytes(server: Server) -> float:
    pages = sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in children(server.process.pid))
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


if __name__ == "__main__":
    sys.exit(main())
