"""The law of container engines: what docker, podman and plain processes all promise of a container, each for real."""

from __future__ import annotations

import http.client
import json
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from shapemaker_action.containers.engine import Mount
from shapemaker_action.errors import EnvironmentProblemError, ImageContractError
from tests.support.law import CALLER, LABEL, PATIENCE, ended
from tests.support.registry_server import free_port

if TYPE_CHECKING:
    from tests.support.law import Law

ROOT = Path(__file__).parents[2]


def test_a_container_ends_with_its_exit_code_and_stays_to_be_asked(law: Law) -> None:
    with law.running("print('out'); print('err', file=sys.stderr); sys.exit(3)") as container:
        assert ended(container) == 3
        assert sorted(container.logs()) == ["err", "out"]
        assert container.wait(0) == container.wait() == 3
        assert not container.out_of_memory()


def test_no_line_is_lost_however_fast_a_container_ends(law: Law) -> None:
    for pause in (0, 0.3):  # read after its end, and while it writes
        lines = law.output(f"time.sleep({pause})\nfor n in range(20000): print(n)")
        astray = [(line, n) for n, line in enumerate(lines) if line != str(n)]
        assert not astray[:5]
        assert len(lines) == 20000


def test_a_last_line_without_its_end_and_odd_bytes_arrive(law: Law) -> None:
    lines = law.output(r"sys.stdout.buffer.write(b'a\xff\r\n\n caf\xc3\xa9'); sys.stdout.flush()")
    assert lines == ["a\ufffd", "", " café"]


def test_a_bar_that_shows_progress_has_a_line_for_each_step(law: Law) -> None:
    assert law.output(r"print('10%\r20%\r30%')") == ["10%", "20%", "30%"]


def test_a_line_of_any_length_arrives_in_pieces(law: Law) -> None:
    lines = law.output("print('x' * 50000)")
    assert "".join(lines) == "x" * 50000
    assert max(map(len, lines)) <= 4096


def test_lines_arrive_while_the_container_runs(law: Law) -> None:
    with law.running("print('ready'); time.sleep(600)") as container:
        logs = container.logs()
        assert next(logs) == "ready"
        assert container.wait(0) is None
        assert container.wait(0.2) is None
        container.stop(0)
        assert list(logs) == []


def test_stop_lets_a_container_end_by_itself(law: Law) -> None:
    code = "signal.signal(signal.SIGTERM, lambda *_: (print('saved'), sys.exit(0))); print('ready'); time.sleep(600)"
    with law.running(code) as container:
        assert next(container.logs()) == "ready"
        container.stop(PATIENCE)
        assert ended(container) == 0
        assert list(container.logs()) == ["ready", "saved"]
        container.stop(PATIENCE)


def test_stop_kills_what_does_not_listen(law: Law) -> None:
    code = "signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready'); time.sleep(600)"
    with law.running(code) as container:
        assert next(container.logs()) == "ready"
        container.stop(1)
        assert ended(container) == 137
        assert not container.out_of_memory()


def test_nothing_survives_the_first_process(law: Law) -> None:
    code = (
        "import subprocess\n"
        "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(2); open(\"late\", \"w\")'],\n"
        "                 cwd=ML / 'model')\n"
    )
    folder = law.folder / "model-of-a-survivor"
    folder.mkdir()
    with law.running(code, mounts=(Mount(source=folder, target="/opt/ml/model"),)) as container:
        assert ended(container) == 0
        time.sleep(3)
        assert list(folder.iterdir()) == []


def test_directories_of_the_host_are_where_the_contract_says(law: Law, tmp_path: Path) -> None:
    for name in ("input/data/train", "model, with a comma"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "input/data/train/a.csv").write_text("1,2\n")
    mounts = (
        Mount(source=tmp_path / "input", target="/opt/ml/input"),
        Mount(source=tmp_path / "input/data/train", target="/opt/ml/input/data/train", read_only=True),
        Mount(source=tmp_path / "model, with a comma", target="/opt/ml/model"),
    )
    code = "(ML / 'model/a').write_text((ML / 'input/data/train/a.csv').read_text())"
    with law.running(code, mounts=mounts) as container:
        assert ended(container) == 0
        assert (tmp_path / "model, with a comma" / "a").read_text() == "1,2\n"
        assert container.copy_out("/opt/ml/model", law.folder / "mounted")
        assert (law.folder / "mounted" / "a").is_file()


def test_a_mount_without_its_source_is_an_error_of_this_machine(law: Law, tmp_path: Path) -> None:
    with pytest.raises(EnvironmentProblemError):
        law.engine.start(law.spec("", mounts=(Mount(source=tmp_path / "no", target="/opt/ml/model"),)))
    assert law.engine.find({"law": LABEL}) == []


def test_a_directory_can_be_copied_out_of_a_running_and_an_ended_container(law: Law, tmp_path: Path) -> None:
    code = (
        "(ML / 'model/deep').mkdir(parents=True); (ML / 'model/deep/a').write_text('x'); print('ready')\n"
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(0)); time.sleep(600)"
    )
    with law.running(code) as container:
        assert next(container.logs()) == "ready"
        assert container.copy_out("/opt/ml/model", tmp_path / "running")
        container.stop(PATIENCE)
        assert container.copy_out("/opt/ml/model/", tmp_path / "a" / "ended")
        assert not container.copy_out("/opt/ml/checkpoints", tmp_path / "none")
    for place in ("running", "a/ended"):
        assert (tmp_path / place / "deep" / "a").read_text() == "x"


SERVER = (
    "from http.server import *\n"
    "class H(BaseHTTPRequestHandler):\n"
    "  def do_GET(self): self.send_response(200); self.end_headers(); self.wfile.write(b'pong')\n"
    "  def log_message(self, *_): pass\n"
    "server = HTTPServer(('', int(os.environ.get('SAGEMAKER_BIND_TO_PORT', 8080))), H)\n"
    "print('ready'); server.serve_forever()\n"
)


@pytest.mark.parametrize("fixed", [False, True], ids=["any port", "a chosen port"])
def test_a_published_port_is_reached_on_the_loopback_address(law: Law, fixed: bool) -> None:  # noqa: FBT001
    wanted = free_port() if fixed else 0
    with law.running(SERVER, port=8080, host_port=wanted) as container:
        assert next(container.logs()) == "ready"
        host, port = container.address()
        assert host == "127.0.0.1"
        assert port == (wanted or port)
        connection = http.client.HTTPConnection(host, port, timeout=PATIENCE)
        connection.request("GET", "/")
        assert connection.getresponse().read() == b"pong"
        connection.close()


def test_a_port_that_is_taken_is_an_error_of_this_machine(law: Law) -> None:
    with law.running(SERVER, port=8080) as container:
        assert next(container.logs()) == "ready"
        taken = container.address()[1]
        with pytest.raises(EnvironmentProblemError):
            law.engine.start(replace(law.spec(SERVER, port=8080, host_port=taken), name=f"{LABEL}-second"))
    assert law.engine.find({"law": LABEL}) == []


def test_the_environment_is_the_images_and_the_specs_and_not_the_callers(law: Law) -> None:
    given = {"ONE": "1", "TWO": "a b\n'c' $HOME", "LANG": "C", "HOME": "/opt/program", "IN_IMAGE": "changed"}
    names = [*given, *CALLER]
    code = f"import json; print(json.dumps({{k: os.environ[k] for k in {names} if k in os.environ}}))"
    assert json.loads(law.output(code, environment=given)[0]) == given
    assert law.output("print(os.environ['IN_IMAGE'])") == ["yes"]


def test_values_of_variables_are_not_in_the_process_list_of_the_host(law: Law) -> None:
    with law.running("print('ready'); time.sleep(600)", environment={"TOKEN": "hidden-value-77"}) as container:
        assert next(container.logs()) == "ready"
        listed = subprocess.run(["ps", "axww", "-o", "args="], capture_output=True, text=True, check=True).stdout
        assert "hidden-value-77" not in listed
        container.stop(0)


def test_the_entry_point_can_be_replaced(law: Law) -> None:
    spec = {"entrypoint": ("python3", "-c"), "command": ("import sys; print(sys.argv)", "a")}
    assert law.output("", **spec) == ["['-c', 'a']"]


def test_code_of_the_image_is_where_it_runs(law: Law) -> None:
    assert law.output("from modelpkg import model; print(model.NAME, os.listdir('.') == os.listdir(os.getcwd()))") == [
        "model True"
    ]


def test_containers_do_not_see_each_others_files(law: Law) -> None:
    law.output("pathlib.Path('left').touch(); (ML / 'x').mkdir(parents=True)")
    assert law.output("print(pathlib.Path('left').exists(), (ML / 'x').exists())") == ["False False"]


def test_a_program_that_the_image_does_not_have_breaks_the_contract(law: Law) -> None:
    with pytest.raises(ImageContractError, match="cannot be started"):
        law.engine.start(law.spec("", entrypoint=("no-such-program",)))
    assert law.engine.find({"law": LABEL}) == []


def test_an_image_that_is_not_here_is_an_error_of_this_machine(law: Law) -> None:
    with pytest.raises(EnvironmentProblemError):
        law.engine.start(law.spec("", image=f"{law.credentials.registry}/{LABEL}/nothing:x"))


def test_a_name_is_given_once(law: Law) -> None:
    with law.running("print('first')") as container:
        ended(container)
        with pytest.raises(EnvironmentProblemError):
            law.engine.start(law.spec("print('second')"))
    assert law.output("print('third')") == ["third"]


def test_find_knows_running_and_ended_containers_by_all_of_their_labels(law: Law) -> None:
    assert law.engine.find({"law": LABEL}) == []
    with law.running("time.sleep(600)", labels={"law": LABEL, "kind": "x=y"}) as container:
        assert [each.id for each in law.engine.find({"kind": "x=y", "law": LABEL})] == [container.id]
        assert law.engine.find({"kind": "x=y", "law": "other"}) == []
        container.stop(0)
        assert [each.id for each in law.engine.find({"law": LABEL})] == [container.id]
    assert law.engine.find({"law": LABEL}) == []


STARTER = """
import os, sys
from shapemaker_action.containers.engine import ContainerSpec
from shapemaker_action.containers.select import choose
code = "import time; print('early'); time.sleep(2); print('late'); raise SystemExit(5)"
spec = ContainerSpec(image=sys.argv[2], name=sys.argv[3], command=(code,), labels={"law": sys.argv[3]})
choose(sys.argv[1]).start(spec)
"""


def test_a_container_outlives_its_starter_and_is_found_by_another_process(law: Law) -> None:
    name = f"{LABEL}-orphan"
    subprocess.run(
        [sys.executable, "-c", STARTER, law.engine.name, law.training, name],
        env={**law.environ, "PYTHONPATH": str(ROOT)},
        check=True,
    )
    [container] = law.engine.find({"law": name})
    try:
        assert list(container.logs()) == ["early", "late"]
        assert ended(container) == 5
    finally:
        container.remove()


def test_removing_twice_is_quiet_and_takes_a_running_container_along(law: Law) -> None:
    container = law.engine.start(law.spec("time.sleep(600)"))
    container.remove()
    container.remove()
    assert law.engine.find({"law": LABEL}) == []
    with pytest.raises(EnvironmentProblemError, match="is gone"):
        container.wait(0)


def test_too_much_memory_kills_the_container_or_is_said_not_to(
    law: Law, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if law.engine.name == "process":
        assert any("memory limits" in promise for promise in law.engine.promises())
        return
    monkeypatch.chdir(tmp_path)
    with law.running("x = bytearray(500 << 20); print(len(x))", memory_mb=64) as container:
        assert ended(container) == 137
        assert container.out_of_memory()
    assert list(tmp_path.iterdir()) == []


def test_an_interactive_container_uses_this_terminal(law: Law, tmp_path: Path) -> None:
    starter = (
        "import sys\n"
        "from shapemaker_action.containers.engine import ContainerSpec\n"
        "from shapemaker_action.containers.select import choose\n"
        "spec = ContainerSpec(image=sys.argv[2], name=sys.argv[3], command=('print(input())',), interactive=True)\n"
        "container = choose(sys.argv[1]).start(spec)\n"
        "print(container.wait(), list(container.logs()))\n"
        "container.remove()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", starter, law.engine.name, law.training, f"{LABEL}-terminal"],
        env={**law.environ, "PYTHONPATH": str(ROOT)},
        cwd=tmp_path,
        input="typed\n",
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[0] == "typed"
    assert done.stdout.splitlines()[1].startswith("0 ")


def test_what_is_not_promised_is_said(law: Law) -> None:
    assert bool(law.engine.promises()) is (law.engine.name == "process")
    assert shutil.which(law.engine.name) or law.engine.name == "process"
