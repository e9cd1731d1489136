"""Does with our action.yml what GitHub's runner does with a composite action of one step."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Mapping

SHELL = ("bash", "--noprofile", "--norc", "-e", "-o", "pipefail")
EXPRESSION = re.compile(r"\$\{\{ (inputs|steps\.\w+\.outputs)\.([a-z-]+) \}\}")
PASSED_ON = ("PATH", "HOME", "LANG", "TMPDIR", "DOCKER_HOST", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")


@dataclass(frozen=True, kw_only=True)
class ActionRun:
    """What a step leaves behind: its log and the action's outputs, empty where nothing was written."""

    exit_code: int
    stdout: str
    stderr: str
    outputs: Mapping[str, str]
    summary: str


def load(action: Path) -> dict[str, Any]:
    """The document action.yml of a folder."""
    document: dict[str, Any] = yaml.safe_load((action / "action.yml").read_text())
    return document


def run_action(
    action: Path, workspace: Path, inputs: Mapping[str, str], environ: Mapping[str, str] | None = None
) -> ActionRun:
    """Run the action of a folder in a workspace, as `uses:` with these `with:` would; `environ` is the job's."""
    document = load(action)
    (step,) = document["runs"]["steps"]
    values = {name: str(value.get("default", "")) for name, value in document["inputs"].items()} | dict(inputs)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        files = {name: folder / name for name in ("GITHUB_OUTPUT", "GITHUB_ENV", "GITHUB_PATH", "GITHUB_STEP_SUMMARY")}
        for file in files.values():
            file.touch()
        script = folder / "step.sh"
        script.write_text(step["run"])
        done = subprocess.run(
            [*SHELL, script],
            cwd=workspace,
            env={
                **{name: value for name, value in os.environ.items() if name.startswith("PIP_") or name in PASSED_ON},
                "GITHUB_ACTIONS": "true",
                "GITHUB_EVENT_NAME": "push",
                "GITHUB_WORKSPACE": str(workspace),
                "GITHUB_ACTION_PATH": str(action),
                "RUNNER_TEMP": temporary,
                **{name: str(file) for name, file in files.items()},
                **(environ or {}),
                **{name: substitute(text, values) for name, text in step["env"].items()},
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert not files["GITHUB_ENV"].read_text(), "later steps of the job are none of our business"
        assert not files["GITHUB_PATH"].read_text(), "the same"
        written = parse_outputs(files["GITHUB_OUTPUT"].read_text())
        return ActionRun(
            exit_code=done.returncode,
            stdout=done.stdout,
            stderr=done.stderr,
            outputs={name: substitute(value["value"], written) for name, value in document["outputs"].items()},
            summary=files["GITHUB_STEP_SUMMARY"].read_text(),
        )


def substitute(text: str, values: Mapping[str, str]) -> str:
    """Replace the two kinds of expression that action.yml uses; a value that nobody set is empty."""
    return EXPRESSION.sub(lambda match: values.get(match[2], ""), text)


def parse_outputs(text: str) -> dict[str, str]:
    """Read `name=value` lines and heredocs, refusing what the runner refuses."""
    found: dict[str, str] = {}
    lines = iter(text.splitlines())
    for line in lines:
        name, heredoc, delimiter = line.partition("<<")
        if not heredoc or "=" in name:
            name, equals, found[name] = line.partition("=")
            assert equals, f"the runner fails the step: Invalid format '{line}'"
            continue
        body = []
        while (each := next(lines)) != delimiter:
            body.append(each)
        found[name] = "\n".join(body)
    return found
