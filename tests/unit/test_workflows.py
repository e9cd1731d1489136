"""Our workflows and those that users copy: pinned, with least rights, in step with the action and the command line."""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from shapemaker_action.invocation import RUN, STAGES
from tests.support.action_runner import load

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
ACTION = load(ROOT)
OURS = sorted(ROOT.glob(".github/workflows/*.yml"))
OFFERED = sorted(ROOT.glob("templates/workflows/**/*.yml"))
"""Workflows that users copy."""
IAM = ROOT / "templates" / "iam"
PIN = (ROOT / "templates" / "workflows" / "pin").read_text().strip()
CHANGING = {"provision", "build", "train", "evaluate", "deploy", "invoke", "rollback", "delete", "run"}
SERVING = {"deploy", "rollback", "delete", "run"}
"""Stages that change what serves."""


def workflow(path: Path) -> dict[str, Any]:
    document: dict[Any, Any] = yaml.safe_load(path.read_text())
    return {"on" if key is True else key: value for key, value in document.items()}  # YAML 1.1 takes `on` for true


def triggers(document: dict[str, Any]) -> dict[str, Any]:
    return {name: value or {} for name, value in document["on"].items()}


def steps(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for job in document["jobs"].values():
        yield from job.get("steps", ())


def used(document: dict[str, Any]) -> Iterator[str]:
    yield from (step["uses"] for step in steps(document) if "uses" in step)
    yield from (job["uses"] for job in document["jobs"].values() if "uses" in job)


def is_ours(step: dict[str, Any]) -> bool:
    return str(step.get("uses", "")).startswith("shapemaker-action/shapemaker@")


every = pytest.mark.parametrize("path", [*OURS, *OFFERED], ids=lambda path: path.name)
offered = pytest.mark.parametrize("path", OFFERED, ids=lambda path: path.name)


@every
def test_nothing_is_granted_by_default_and_each_right_says_what_it_is_for(path: Path) -> None:
    document = workflow(path)
    assert document["permissions"] == {}
    for name, job in document["jobs"].items():
        assert "permissions" in job, name
        assert "write-all" not in job["permissions"]
        assert "read-all" not in job["permissions"]
    granted = re.findall(r"^ +[a-z-]+: (?:read|write)\b(.*)$", path.read_text(), re.MULTILINE)
    assert not [rest for rest in granted if not rest.startswith(" # to ")]


@every
def test_what_is_used_is_a_commit_with_its_version_behind_it(path: Path) -> None:
    text = path.read_text()
    own = re.findall(r"uses: (\./\S*)", text)
    pinned = re.findall(r"uses: [\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$", text, re.MULTILINE)
    assert len(own) + len(pinned) == len(list(used(workflow(path))))
    assert not own or path in OURS


def test_one_commit_of_each_action_is_used_everywhere() -> None:
    pins: dict[str, set[str]] = {}
    for path in (*OURS, *OFFERED):
        for name in used(workflow(path)):
            if "@" in name:
                pins.setdefault(name.partition("@")[0], set()).add(name.partition("@")[2])
    assert {name: found for name, found in pins.items() if len(found) > 1} == {}


@every
def test_checkouts_leave_no_token_behind(path: Path) -> None:
    for step in steps(workflow(path)):
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] is False


@every
def test_no_expression_becomes_part_of_a_script(path: Path) -> None:
    assert not [step["run"] for step in steps(workflow(path)) if "${{" in step.get("run", "")]


@every
def test_code_of_strangers_never_meets_our_secrets(path: Path) -> None:
    assert not triggers(workflow(path)).keys() & {"pull_request_target", "workflow_run", "issue_comment"}
    assert "secrets: inherit" not in path.read_text()


@every
def test_what_an_auditor_is_told_to_ignore_has_a_reason(path: Path) -> None:
    for line in path.read_text().splitlines():
        assert "zizmor: ignore" not in line or re.search(r"zizmor: ignore\[[a-z-]+\] - \w", line), line


@every
def test_every_job_ends(path: Path) -> None:
    for name, job in workflow(path)["jobs"].items():
        assert "timeout-minutes" in job or "uses" in job, name


@offered
def test_what_changes_aws_is_never_cancelled(path: Path) -> None:
    document = workflow(path)
    for scope in (document, *document["jobs"].values()):
        group = scope.get("concurrency")
        if group is None:
            continue
        if group["cancel-in-progress"] is True:
            assert triggers(document).keys() <= {"pull_request", "merge_group"}
            assert not [step for step in steps(document) if is_ours(step) and "deploy" in step["with"]["stage"]]
        elif group["cancel-in-progress"] is not False:
            assert group["cancel-in-progress"] == "${{ github.event_name == 'pull_request' }}"
            assert "github.event_name == 'push' && github.sha" in group["group"]
        else:
            assert group["queue"] == "max"  # by default one that waits is cancelled by the next


@offered
def test_whoever_changes_what_serves_on_aws_waits_for_the_others(path: Path) -> None:
    for job in workflow(path)["jobs"].values():
        for step in filter(is_ours, job.get("steps", ())):
            stages = set(step["with"]["stage"].split(","))
            if stages & SERVING and step["with"].get("target", "aws") == "aws":
                assert job["concurrency"]["queue"] == "max"
                assert job["environment"]["name"]


@offered
def test_a_job_asks_for_an_identity_exactly_where_it_may_work_on_aws(path: Path) -> None:
    for name, job in workflow(path)["jobs"].items():
        given = [job.get("with", {}), *(step["with"] for step in job.get("steps", ()) if is_ours(step))]
        takes = any("role-to-assume" in each for each in given)
        assert (job["permissions"].get("id-token") == "write") is takes, name
        for each in given:
            if "role-to-assume" in each:
                assert re.search(r"vars\.SHAPEMAKER_[A-Z]+_ROLE", each["role-to-assume"])


@offered
def test_it_says_on_top_what_it_is_for(path: Path) -> None:
    assert path.read_text().startswith("# ")
    assert (
        f"`{path.relative_to(ROOT / 'templates' / 'workflows')}`"
        in (ROOT / "templates" / "workflows" / "README.md").read_text()
    )


@offered
def test_history_is_fetched_only_to_compare_with_it(path: Path) -> None:
    deep = "fetch-depth: 0" in path.read_text()
    assert deep is (path.name == "monorepo.yml")


@pytest.mark.parametrize("name", ["pull-request.yml", "instead/five-lines.yml", "instead/monorepo.yml"])
def test_a_required_check_answers_the_merge_queue(name: str) -> None:
    assert {"pull_request", "merge_group"} <= triggers(workflow(ROOT / "templates" / "workflows" / name)).keys()


def test_the_action_is_pinned_by_one_placeholder_which_a_release_fills(tmp_path: Path) -> None:
    for path in OFFERED:
        ours = [name for name in re.findall(r"uses: (\S+@.*)$", path.read_text(), re.MULTILINE) if "shapemaker" in name]
        assert ours
        assert {name[name.index("@") :] for name in ours} == {PIN}
    shutil.copytree(ROOT / "templates" / "workflows", tmp_path / "templates" / "workflows")
    release().pin("a" * 40, "v1.2.3", tmp_path)
    for path in tmp_path.rglob("*.yml"):
        assert f"@{'a' * 40} # v1.2.3\n" in path.read_text()
        assert PIN not in path.read_text()


def test_a_stage_by_hand_offers_every_stage_and_every_option_of_a_stage() -> None:
    document = workflow(ROOT / "templates" / "workflows" / "stage.yml")
    inputs = triggers(document)["workflow_dispatch"]["inputs"]
    assert inputs["stage"]["options"] == [*STAGES, "run"]
    assert len(inputs) <= 25  # GitHub's limit
    [step] = filter(is_ours, steps(document))
    for name in inputs:
        assert step["with"][name] == f"${{{{ inputs.{name} }}}}"
    machinery = {"config", "target", "working-directory", "aws-region", "format", "role-to-assume", "on-cancel"}
    machinery |= {"comment", "summary", "github-token", "engine", "changed-since"}
    assert inputs.keys() == ACTION["inputs"].keys() - machinery


def test_stages_that_only_look_wait_for_nobody() -> None:
    text = (ROOT / "templates" / "workflows" / "stage.yml").read_text()
    [listed] = re.findall(r"fromJSON\('(\[.*?\])'\)", text)
    assert set(json.loads(listed)) == STAGES.keys() - CHANGING


@offered
def test_stages_are_named_as_the_command_line_names_them(path: Path) -> None:
    for step in filter(is_ours, steps(workflow(path))):
        for words in re.findall(r"[a-z,]+", re.sub(r"\$\{\{.*?\}\}", expanded, step["with"]["stage"])):
            assert set(words.split(",")) <= {*STAGES, "run"}
        assert step["with"].keys() <= ACTION["inputs"].keys()


def expanded(expression: re.Match[str]) -> str:
    """The literals of an expression that can be its value."""
    return " ".join(re.findall(r"(?:&&|\|\|) '([a-z,]+)'", expression[0]))


def test_training_and_deployment_together_are_the_whole_run() -> None:
    document = workflow(ROOT / "templates" / "workflows" / "main.yml")
    jobs = {name: job["steps"][-1]["with"] for name, job in document["jobs"].items()}
    assert f"{jobs['train']['stage']},{jobs['deploy']['stage']}".split(",") == list(RUN)
    assert jobs["rehearse"]["stage"] == "run"
    assert "role-to-assume" not in jobs["rehearse"]
    assert jobs["deploy"]["training-job"] == "${{ needs.train.outputs.training-job }}"
    assert document["jobs"]["deploy"]["environment"]["name"] == "production"
    assert document["jobs"]["rehearse"]["if"] == "vars.SHAPEMAKER_TRAIN_ROLE == ''"
    assert document["jobs"]["train"]["if"] == "vars.SHAPEMAKER_TRAIN_ROLE != ''"


def test_the_reusable_workflow_mirrors_the_action() -> None:
    document = workflow(ROOT / ".github" / "workflows" / "lifecycle.yml")
    call = triggers(document)["workflow_call"]
    mirrored = {name: value for name, value in ACTION["inputs"].items() if name != "github-token"}
    of_the_job = {"fetch-depth", "github-environment", "runs-on", "timeout-minutes"}
    assert call["inputs"].keys() == mirrored.keys() | of_the_job
    for name in mirrored.keys() - {"stage"}:
        assert call["inputs"][name]["description"] == mirrored[name]["description"], name
        assert call["inputs"][name]["default"] == mirrored[name].get("default", ""), name
    for name, value in call["inputs"].items():
        told = value["default"] if value["default"] != "" else "none"
        assert name in mirrored or f"Default: {told}." in value["description"], name
    [job] = document["jobs"].values()
    assert job["steps"][-1]["with"] == {name: f"${{{{ inputs.{name} }}}}" for name in mirrored}
    for name, value in ACTION["outputs"].items():
        assert call["outputs"][name] == {
            "description": value["description"],
            "value": f"${{{{ jobs.lifecycle.outputs.{name} }}}}",
        }
    assert job["outputs"] == {name: f"${{{{ steps.shapemaker.outputs.{name} }}}}" for name in ACTION["outputs"]}


def test_the_reusable_workflow_uses_the_action_of_its_own_commit_and_a_group_of_its_own() -> None:
    [job] = workflow(ROOT / ".github" / "workflows" / "lifecycle.yml")["jobs"].values()
    _, asked, own, action = job["steps"]
    assert asked["if"] == "job.workflow_repository == '' || job.workflow_sha == ''"
    assert own["with"]["repository"] == "${{ job.workflow_repository }}"
    assert own["with"]["ref"] == "${{ job.workflow_sha }}"
    assert action["uses"] == f"./{own['with']['path']}"
    assert "inputs.github-environment" in job["concurrency"]["group"], "the group that stage.yml has"
    assert "github.workflow" not in job["concurrency"]["group"]
    assert (job["concurrency"]["cancel-in-progress"], job["concurrency"]["queue"]) == (False, "max")


def test_callers_of_the_reusable_workflow_grant_what_it_asks_for_and_pass_what_it_takes() -> None:
    called = workflow(ROOT / ".github" / "workflows" / "lifecycle.yml")
    [job] = called["jobs"].values()
    inputs = triggers(called)["workflow_call"]["inputs"]
    callers = 0
    for path in (*OURS, *OFFERED):
        for caller in workflow(path)["jobs"].values():
            if "lifecycle.yml" in caller.get("uses", ""):
                callers += 1
                assert caller["permissions"] == job["permissions"]
                assert caller["with"].keys() <= inputs.keys()
    assert callers == 3


def test_a_preview_and_its_end_speak_of_the_same_things() -> None:
    preview, cleanup = (workflow(ROOT / "templates" / "workflows" / f"{name}.yml") for name in ("preview", "cleanup"))
    [made], [deleted] = preview["jobs"].values(), cleanup["jobs"].values()
    assert made["concurrency"] == deleted["concurrency"]
    for key in ("config", "environment", "role-to-assume"):
        assert made["steps"][-1]["with"][key] == deleted["steps"][-1]["with"][key]
    assert made["environment"]["name"] == deleted["environment"]["name"]


def test_every_role_of_a_workflow_is_explained() -> None:
    roles = {role for path in OFFERED for role in re.findall(r"vars\.(\w+)", path.read_text())}
    for readme in (IAM / "README.md", ROOT / "templates" / "workflows" / "README.md"):
        assert {role for role in roles if f"`{role}`" not in readme.read_text()} == set(), readme


def test_a_release_keeps_no_caches_and_builds_before_it_has_rights() -> None:
    document = workflow(ROOT / ".github" / "workflows" / "release.yml")
    assert "cache" not in "".join(used(document))
    assert not [step for step in steps(document) if "cache" in step.get("with", {})]
    assert document["jobs"]["build"]["permissions"] == {"contents": "read"}
    assert "actions/checkout" not in "".join(step.get("uses", "") for step in document["jobs"]["publish"]["steps"])


def release() -> Any:
    spec = importlib.util.spec_from_file_location("release", ROOT / ".ci" / "release.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


CHANGELOG = (
    "# Changelog\n\n## [Unreleased]\n\n## [1.2.3] - 2026-02-01\n\n### Fixed\n\n- This.\n\n## [1.2.2] - 2026-01-01\n"
)


def repository(folder: Path, version: str, changelog: str) -> Path:
    (folder / "shapemaker_action").mkdir()
    (folder / "shapemaker_action" / "__init__.py").write_text(f'"""The tool."""\n\n__version__ = "{version}"\n')
    (folder / "CHANGELOG.md").write_text(changelog)
    return folder


def test_notes_of_a_release_are_its_part_of_the_changelog(tmp_path: Path) -> None:
    assert release().notes("v1.2.3", repository(tmp_path, "1.2.3", CHANGELOG)) == "### Fixed\n\n- This.\n"


@pytest.mark.parametrize(
    ("tag", "version", "changelog", "told"),
    [
        ("v1.2.4", "1.2.3", CHANGELOG, "not the version"),
        ("v1.2.2", "1.2.2", CHANGELOG, "no section"),
        ("v1.2.4", "1.2.4", CHANGELOG, "no section"),
        ("1.2.3", "1.2.3", CHANGELOG, "no tag of a release"),
        ("v1.2.3-rc1", "1.2.3", CHANGELOG, "no tag of a release"),
    ],
)
def test_a_release_is_refused_where_tag_version_and_changelog_differ(
    tmp_path: Path, tag: str, version: str, changelog: str, told: str
) -> None:
    with pytest.raises(SystemExit, match=told):
        release().notes(tag, repository(tmp_path, version, changelog))


def test_a_pin_that_cannot_be_filled_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    folder = tmp_path / "templates" / "workflows"
    shutil.copytree(ROOT / "templates" / "workflows", folder)
    (folder / "main.yml").write_text("name: Main\n")
    before = (folder / "stage.yml").read_text()
    with pytest.raises(SystemExit, match=r"without the pin .*: main\.yml"):
        release().pin("a" * 40, "v1.2.3", tmp_path)
    with pytest.raises(SystemExit, match="no commit"):
        release().pin("main", "v1.2.3", tmp_path)
    assert (folder / "stage.yml").read_text() == before
