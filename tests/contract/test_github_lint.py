"""GitHub's own parser and language service over everything that we ship, and over what they have to find."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from tests.support.github_lint import lint

pytestmark = pytest.mark.needs("node", "npm")

ROOT = Path(__file__).parents[2]
SHIPPED = [
    ROOT / "action.yml",
    *sorted(ROOT.glob(".github/workflows/*.yml")),
    *sorted(ROOT.glob("templates/workflows/**/*.yml")),
]
WORKFLOW = """\
on: push
jobs:
  one:
    runs-on: ubuntu-24.04
    steps:
      - uses: actions/checkout@v4
      - id: model
        uses: {uses}
        with: {{stage: plan}}
      - run: {run}
"""


def test_they_find_nothing_in_what_we_ship() -> None:
    assert not lint(*SHIPPED)


def test_they_find_nothing_in_the_workflow_of_the_readme(tmp_path: Path) -> None:
    (text,) = re.findall(r"^```yaml\n(name: .*?)^```", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)
    path = tmp_path / "model.yml"
    path.write_text(text.replace("<commit of a release>", "0" * 40))
    assert not lint(path)


@pytest.mark.parametrize(
    ("change", "finding"),
    [
        ({"uses": "./\n        with: {stages: plan}\n      - uses: ./"}, "Invalid action input 'stages'"),
        (
            {"uses": "shapemaker-action/shapemaker@v1\n        with: {target: aws}\n      - uses: ./"},
            "Missing required",
        ),
        ({"uses": "nobody/knows@v1"}, "Unable to resolve action `nobody/knows@v1`"),
        ({"run": "echo ${{ steps.modle.outputs.result }}"}, "Context access might be invalid: modle"),
        ({"run": "echo ${{ nothing.result }}"}, "Unrecognized named-value: 'nothing'"),
        ({"run": "true\n        timeout: 3"}, "Unexpected value 'timeout'"),
    ],
)
def test_they_find_what_is_wrong(change: dict[str, str], finding: str, tmp_path: Path) -> None:
    path = tmp_path / "workflow.yml"
    path.write_text(WORKFLOW.format(**{"uses": "./", "run": "true", **change}))
    assert finding in " ".join(each.message for each in lint(path)), lint(path)


def test_they_find_what_a_composite_action_may_not_have(tmp_path: Path) -> None:
    path = tmp_path / "action.yml"
    shutil.copy(ROOT / "action.yml", path)
    path.write_text(path.read_text().replace("shell: bash", "timeout-minutes: 5"))
    messages = " ".join(each.message for each in lint(path))
    assert "Unexpected value 'timeout-minutes'" in messages
    assert "Required property is missing: shell" in messages
