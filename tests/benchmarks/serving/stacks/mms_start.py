"""Start multi-model-server and register the model: only its management API turns batching on."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import sagemaker_inference

HERE = Path.cwd()
PORT, MANAGEMENT = int(os.environ["PORT"]), int(os.environ["PORT"]) + 1
CONFIG = f"""
inference_address=http://127.0.0.1:{PORT}
management_address=http://127.0.0.1:{MANAGEMENT}
decode_input_request=false
vmargs=-XX:-UseContainerSupport
"""
"""As sagemaker-inference has it, whose own start writes into /etc."""
HANDLER, WORKERS = sys.argv[1:]
MODEL = f"url=model&model_name=model&handler={HANDLER}&batch_size=64&max_batch_delay=2&initial_workers={WORKERS}"


def main() -> int:
    """Wait for the server."""
    (HERE / "store" / "model").mkdir(parents=True)
    (HERE / "mms.properties").write_text(CONFIG)
    program = Path(sys.executable).with_name("multi-model-server")
    logs = Path(sagemaker_inference.__file__).parent / "etc" / "log4j2.xml"
    command = [program, "--start", "--foreground", "--mms-config", "mms.properties", "--model-store", "store"]
    command += ["--log-config", logs]
    # Its process id and its sockets would lie in /tmp under names that are always the same.
    places = {"TMPDIR": str(HERE), "TEMP": str(HERE), "PYTHONPATH": str(HERE), "SAGEMAKER_PROGRAM": "mms_inference.py"}
    with subprocess.Popen(command, env={**os.environ, **places}) as server:
        while server.poll() is None and not _is_registered():
            time.sleep(0.1)
        return server.wait()


def _is_registered() -> bool:
    url = f"http://127.0.0.1:{MANAGEMENT}/models?{MODEL}&synchronous=true"
    try:
        urllib.request.urlopen(urllib.request.Request(url, method="POST"), timeout=60)
    except urllib.error.HTTPError as error:
        sys.exit(error.read().decode())
    except OSError:
        return False
    return True


if __name__ == "__main__":
    sys.exit(main())
