"""A broken model ends with the right exit code and a message from which it can be mended."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.support.consumer import Consumer, Run


def change(consumer: Consumer, before: str, after: str, file: str = "meanpkg/model.py") -> None:
    path = consumer.folder / file
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after))


def error(run: Run) -> dict[str, str]:
    found: dict[str, str] = run.document["error"]
    return found


def test_an_exception_in_train_names_the_exception_and_the_line(mean: Consumer) -> None:
    change(mean, "values = [float(line)", "raise RuntimeError('no rows today')\n        values = [float(line)")
    failed = error(mean.fail("run", code=3))
    assert "RuntimeError: no rows today" in failed["message"]
    assert "model.py:" in failed["message"] + "\n".join(failed["details"])
    assert "nothing was deployed" in failed["state"]
    again = error(mean.fail("train", code=3))
    assert "RuntimeError: no rows today" in again["message"]
    change(mean, "raise RuntimeError('no rows today')\n        ", "")
    mean.do("run")


def test_an_exception_in_load_shows_the_containers_log(mean: Consumer) -> None:
    change(mean, "self.mean = json.loads", "raise KeyError('weights')\n        self.mean = json.loads")
    failed = error(mean.fail("run", "--set", "evaluate.enabled=false", code=3))
    assert "weights" in failed["message"] + "\n".join(failed["details"])
    assert failed["remedy"]


def test_a_model_that_breaks_after_a_good_one_leaves_the_good_one_serving(mean: Consumer) -> None:
    good = mean.do("run").outputs["endpoint-config"]
    change(mean, "self.mean = json.loads", "raise KeyError('weights')\n        self.mean = json.loads")
    failed = error(mean.fail("run", "--set", "evaluate.enabled=false", code=4))
    assert good in failed["state"]
    assert mean.do("status").outputs["endpoint-config"] == good
    assert mean.do("invoke").outputs["predictions"][0]["answer"] == {"predictions": [3.0]}


def test_a_wrong_requirement_is_named(mean: Consumer) -> None:
    (mean.folder / "requirements.txt").write_text("no-such-package-of-anybody==1.0\n")
    failed = error(mean.fail("run", "--set", "build.requirements=requirements.txt", code=3))
    assert "no-such-package-of-anybody" in failed["message"] + "\n".join(failed["details"])


def test_a_server_that_never_gets_healthy_is_told_from_its_log(mean: Consumer) -> None:
    (mean.folder / "app.py").write_text(
        "def app(environ, start_response):\n"
        "    print('asked for', environ['PATH_INFO'], flush=True)\n"
        "    start_response('503 Service Unavailable', [('Content-Length', '0')])\n"
        "    return [b'']\n"
    )
    settings = ["--set", "serve.app=app:app", "--set", "deploy.startup_timeout=60"]
    failed = error(mean.fail("run", *settings, code=3))
    assert "did not pass the ping health check" in failed["message"]
    assert "asked for /ping" in "\n".join(failed["details"])


def test_a_failing_prediction_shows_status_and_message(mean: Consumer) -> None:
    change(mean, "return [self.mean for _ in instances]", "raise ValueError('instances are strange')")
    failed = error(mean.fail("run", code=3))
    assert "status 500" in failed["message"]
    assert "requests/one.json" in failed["message"]


def test_an_unexpected_answer_is_shown_beside_what_was_expected(mean: Consumer) -> None:
    change(mean, "predictions: [3.0]", "predictions: [4.0]", file="shapemaker.yml")
    failed = error(mean.fail("run", code=3))
    assert '{"predictions": [4.0]}' in failed["message"]
    assert '"predictions":[3.0]' in failed["message"].replace(" ", "")


def test_a_model_that_saves_nothing_is_no_success(mean: Consumer) -> None:
    change(mean, '(directory / "mean.json").write_text(json.dumps(self.mean))', "pass")
    failed = error(mean.fail("run", code=3))
    assert failed["message"]


def test_hostile_log_lines_are_shown_but_are_no_commands(mean: Consumer) -> None:
    change(
        mean,
        "values = [float(line)",
        "print('::error::pwned')\n        print('x ##[error]y')\n        values = [float(line)",
    )
    change(mean, "values = [float(line)", "print('progress\\r::add-mask::e')\n        values = [float(line)")
    done = mean.run("run", "--target", "local")
    assert done.code == 0, done
    assert "pwned" in done.stderr
    for line in (done.stdout + done.stderr).replace("\r", "\n").split("\n"):
        assert not line.lstrip().startswith("::")
        assert "##[" not in line
