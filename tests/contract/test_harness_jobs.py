"""The runner in miniature against what GitHub documents of jobs: order, matrix, outputs, rights, calls, triggers."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.support.consumer import write
from tests.support.github_runner import Event, Runner
from tests.support.harness import HARNESS

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.github_runner import Run

pytestmark = pytest.mark.needs("node", "npm")

GRAPH = """\
name: Graph
on: push
permissions: {}
env: {LEVEL: workflow, BASE: "${{ github.ref_name }}"}
defaults: {run: {shell: bash, working-directory: sub}}
concurrency: {group: "graph-${{ github.ref }}", cancel-in-progress: false}
jobs:
  last:
    needs: [models, failing]
    if: ${{ !cancelled() }}
    runs-on: ubuntu-24.04
    steps:
      - run: echo '${{ needs.models.result }} ${{ needs.failing.result }} ${{ toJSON(needs.plan.outputs) }}'
        working-directory: /
  plan:
    runs-on: ubuntu-24.04
    timeout-minutes: 5
    permissions: {contents: read, id-token: write}
    environment: {name: production, url: "${{ steps.set.outputs.url }}"}
    outputs:
      matrix: ${{ steps.set.outputs.matrix }}
      account: ${{ steps.set.outputs.account }}
      plain: ${{ steps.set.outputs.plain }}
    env: {LEVEL: job}
    steps:
      - uses: actions/checkout@v4
      - id: set
        env: {OWN: "${{ env.LEVEL }}-${{ env.BASE }}"}
        run: |
          echo "$LEVEL $OWN $(basename "$PWD")"
          echo "::add-mask::123456789012"
          echo "account=123456789012.example" >> "$GITHUB_OUTPUT"
          echo "plain=text" >> "$GITHUB_OUTPUT"
          echo "url=https://example.com/endpoint" >> "$GITHUB_OUTPUT"
          echo 'matrix={"include":[{"name":"a","n":1},{"name":"b","n":0},{"name":"c","n":0}]}' >> "$GITHUB_OUTPUT"
  models:
    needs: plan
    runs-on: ubuntu-24.04
    permissions: read-all
    strategy:
      fail-fast: false
      matrix: ${{ fromJSON(needs.plan.outputs.matrix) }}
    defaults: {run: {working-directory: /tmp}}
    concurrency: model-${{ matrix.name }}
    steps:
      - run: echo "${{ matrix.name }} of ${{ strategy.job-total }} in $PWD"; exit ${{ matrix.n }}
  failing:
    runs-on: ubuntu-24.04
    continue-on-error: true
    steps:
      - {run: exit 1, working-directory: /}
  skipped:
    needs: models
    runs-on: ubuntu-24.04
    steps: [{run: "true"}]
  on-failure:
    needs: skipped
    if: failure()
    runs-on: ubuntu-24.04
    steps: [{run: "true", working-directory: /}]
"""
CALLER = """\
name: Caller
on: workflow_dispatch
permissions: {contents: read}
env: {LEVEL: caller}
jobs:
  call:
    uses: ./.github/workflows/callee.yml
    permissions: {contents: read, id-token: write}
    with: {stage: plan, force: "${{ github.ref == 'refs/heads/main' }}"}
    secrets: {password: "${{ secrets.PASSWORD }}"}
  after:
    needs: call
    runs-on: ubuntu-24.04
    steps:
      - {id: say, run: "echo 'told: ${{ needs.call.outputs.told }}'"}
  wrong:
    uses: ./.github/workflows/callee.yml
    with: {stages: plan}
"""
CALLEE = """\
name: Callee
on:
  workflow_call:
    inputs:
      stage: {type: string, required: true}
      force: {type: boolean, default: false}
      times: {type: number, default: 2}
    secrets:
      password: {required: false}
    outputs:
      told: {description: x, value: "${{ jobs.inner.outputs.told }}"}
permissions: {contents: write, id-token: write, packages: write}
jobs:
  inner:
    runs-on: ubuntu-24.04
    outputs: {told: "${{ steps.tell.outputs.told }}"}
    steps:
      - id: tell
        env: {PASSWORD: "${{ secrets.password }}"}
        run: |
          echo "level=[$LEVEL] password=${#PASSWORD} ${{ inputs.force && 'forced' }} ${{ inputs.times == 2 }}"
          echo "told=${{ inputs.stage }} by ${{ github.workflow }} in ${{ job.workflow_file_path }}" >> "$GITHUB_OUTPUT"
"""
FILTERED = """\
on:
  push: {branches: [main, 'release/**'], paths: ['models/**', '!**.md']}
  pull_request: {types: [closed], branches: [main]}
  workflow_dispatch:
    inputs:
      stage: {type: choice, options: [plan, deploy], default: plan}
      dry: {type: boolean, default: true}
jobs:
  one:
    runs-on: ubuntu-24.04
    steps:
      - run: echo 'stage=${{ inputs.stage }} dry=${{ inputs.dry == true }} ${{ github.event.inputs.stage }}'
"""


def run_text(tmp_path: Path, files: dict[str, str], workflow: str, **fields: object) -> Run:
    repository = write(tmp_path / "repository", {f".github/workflows/{name}": text for name, text in files.items()})
    (repository / "sub").mkdir(exist_ok=True)
    (repository / "sub" / "keep").touch()
    return Runner(repository=repository, work=tmp_path / "work", **fields).run(f".github/workflows/{workflow}")  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return run_text(tmp_path_factory.mktemp("graph"), {"graph.yml": GRAPH}, "graph.yml")


def test_jobs_run_after_those_that_they_need(graph: Run) -> None:
    assert [(job.name, job.result) for job in graph.jobs] == [
        ("plan", "success"),
        ("models (a, 1)", "failure"),
        ("models (b, 0)", "success"),
        ("models (c, 0)", "success"),
        ("failing", "failure"),
        ("last", "success"),
        ("skipped", "skipped"),
        ("on-failure", "success"),
    ], graph
    assert graph.conclusion == "failure"
    assert "failure success null" in graph.job("last").log


def test_environment_and_defaults_come_from_the_nearest(graph: Run) -> None:
    assert "job job-main sub" in graph.step("set").log
    assert "a of 3 in /tmp" in graph.job("models (a, 1)").log


def test_an_output_that_holds_a_masked_value_is_dropped(graph: Run) -> None:
    plan = graph.job("plan")
    assert (plan.outputs["plain"], plan.dropped_outputs) == ("text", ["account"])
    assert json.loads(plan.outputs["matrix"])["include"][0] == {"name": "a", "n": 1}


def test_a_job_has_the_permissions_that_it_or_the_workflow_asks_for(graph: Run) -> None:
    assert graph.job("plan").permissions == {"contents": "read", "id-token": "write"}
    assert graph.job("last").permissions == {}
    assert graph.job("models (b, 0)").permissions["pull-requests"] == "read"


def test_deployment_concurrency_and_timeout_are_recorded(graph: Run) -> None:
    plan = graph.job("plan")
    assert plan.deployment
    assert (plan.deployment.environment, plan.deployment.url) == ("production", "https://example.com/endpoint")
    assert (plan.timeout_minutes, graph.concurrency) == (
        5,
        {"group": "graph-refs/heads/main", "cancel-in-progress": False},
    )
    assert graph.job("models (b, 0)").concurrency == {"group": "model-b"}


def test_a_reusable_workflow_has_inputs_secrets_and_outputs_but_no_more_rights_than_its_caller(tmp_path: Path) -> None:
    files = {"caller.yml": CALLER, "callee.yml": CALLEE}
    event = Event.recorded("workflow_dispatch")
    run = run_text(tmp_path, files, "caller.yml", event=event, secrets={"PASSWORD": "12345"})
    inner = run.job("call / inner")
    assert inner.permissions == {"contents": "read", "id-token": "write"}, run
    assert "level=[] password=5 forced true" in inner.log
    assert "told: plan by Caller in .github/workflows/callee.yml" in run.job("after").log
    assert run.job("wrong").errors == ["Invalid input, stages is not defined in the referenced workflow."]


def test_events_pass_the_filters_of_a_workflow_or_do_not_start_it(tmp_path: Path) -> None:
    def triggered(event: str, **fields: object) -> bool:
        return run_text(
            tmp_path, {"filtered.yml": FILTERED}, "filtered.yml", event=Event.recorded(event), **fields
        ).triggered

    assert triggered("push", changed=["models/a/shapemaker.yml"])
    assert not triggered("push", changed=["models/a/README.md"])
    assert not triggered("schedule")
    assert not triggered("pull_request")
    assert triggered("pull_request_closed")


@pytest.mark.parametrize("name", sorted(path.stem for path in HARNESS.glob("events/*.json")))
def test_every_recorded_event_starts_a_workflow_that_waits_for_it(name: str, tmp_path: Path) -> None:
    (tmp_path / "repository").mkdir()
    event = Event.recorded(name)
    run = Runner(repository=tmp_path / "repository", work=tmp_path / "work", event=event).steps(
        {"id": "say", "run": 'echo "$GITHUB_EVENT_NAME $GITHUB_REF $GITHUB_HEAD_REF"; test -s "$GITHUB_EVENT_PATH"'}
    )
    assert f"{event.event_name} {event.ref} {event.head_ref}" in run.log, run
    assert (run.triggered, run.conclusion) == (True, "success")


def test_a_run_by_hand_has_typed_inputs_out_of_those_that_are_offered(tmp_path: Path) -> None:
    event = Event.recorded("workflow_dispatch")
    files = {"filtered.yml": FILTERED}
    run = run_text(tmp_path, files, "filtered.yml", event=event, inputs={"stage": "deploy", "dry": False})
    assert "stage=deploy dry=false deploy" in run.log
    assert "stage=plan dry=true" in run_text(tmp_path, files, "filtered.yml", event=event).log
    refused = run_text(tmp_path, files, "filtered.yml", event=event, inputs={"stage": "delete"})
    assert refused.errors == ["Provided value 'delete' for input 'stage' not in the list of allowed values"]


def test_a_workflow_that_the_parser_refuses_does_not_start(tmp_path: Path) -> None:
    text = "on: push\njobs:\n  one:\n    runs-on: x\n    needs: two\n    steps: [{run: 'echo ${{ nothing.x }}'}]\n"
    run = run_text(tmp_path, {"wrong.yml": text}, "wrong.yml")
    assert run.conclusion == "failure"
    assert "Unrecognized named-value: 'nothing'" in " ".join(run.errors)


SPREAD = {"a": [1, 2], "b": ["x"], "exclude": [{"a": 2}], "include": [{"a": 1, "c": 3}, {"a": 9}]}


@pytest.mark.parametrize(
    ("matrix", "names"),
    [(SPREAD, ["job (1, x, 3)", "job (9)"]), ({"include": [{"name": "only"}]}, ["job (only)"])],
)
def test_a_matrix_is_expanded(matrix: dict[str, object], names: list[str], tmp_path: Path) -> None:
    (tmp_path / "repository").mkdir()
    run = Runner(repository=tmp_path / "repository", work=tmp_path / "work").steps(strategy={"matrix": matrix})
    assert [job.name for job in run.jobs] == names


def test_an_empty_matrix_fails(tmp_path: Path) -> None:
    (tmp_path / "repository").mkdir()
    empty = {"matrix": "${{ fromJSON('{\"include\":[]}') }}"}
    run = Runner(repository=tmp_path / "repository", work=tmp_path / "work").steps(strategy=empty)
    assert run.job("job").errors == ["Matrix must define at least one vector"]


def test_a_checkout_has_as_many_commits_as_were_asked_for(tmp_path: Path) -> None:
    repository = write(tmp_path / "repository", {"a.txt": "1"})
    git = ["git", "-c", "user.name=octo-dev", "-c", "user.email=octo-dev@example.com"]
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "one"], ["commit", "-qm", "two", "--allow-empty"]):
        subprocess.run([*git, *command], cwd=repository, check=True)
    run = Runner(repository=repository, work=tmp_path / "work").steps(
        {"id": "shallow", "run": "git rev-list --count HEAD"},
        {"uses": "actions/checkout@v4", "with": {"fetch-depth": 0, "path": "all"}},
        {"id": "all", "run": "git -C all rev-list --count HEAD"},
    )
    assert (run.step("shallow").log.splitlines()[-1], run.step("all").log.splitlines()[-1]) == ("1", "2"), run


def test_a_workflow_of_another_repository_can_check_out_the_action_beside_it(tmp_path: Path) -> None:
    called = """\
on:
  workflow_call:
jobs:
  inner:
    runs-on: ubuntu-24.04
    steps:
      - uses: actions/checkout@v4
      - uses: actions/checkout@v4
        with: {repository: "${{ job.workflow_repository }}", ref: "${{ job.workflow_sha }}", path: .their/action}
      - run: cat own.txt .their/action/theirs.txt; echo "${{ job.workflow_sha }}"
"""
    theirs = write(tmp_path / "theirs", {".github/workflows/shared.yml": called, "theirs.txt": "theirs "})
    own = write(tmp_path / "own", {"own.txt": "own "})
    commit = "0123456789abcdef0123456789abcdef01234567"
    caller = f"on: push\njobs:\n  call:\n    uses: some/shared/.github/workflows/shared.yml@{commit}\n"
    runner = Runner(repository=own, work=tmp_path / "work", actions={"some/shared": theirs})
    assert f"own theirs {commit}" in runner.text(caller).job("call / inner").log
    lost = Runner(repository=own, work=tmp_path / "work", actions={})
    assert "workflow was not found" in lost.run().job("call").errors[0]
