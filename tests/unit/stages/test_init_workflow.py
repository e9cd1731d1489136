from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from shapemaker_action.errors import ConfigError, InvalidInputError
from shapemaker_action.stages import starter, workflows
from tests.support import monorepo
from tests.support.consumer import write

SHIPPED = Path(__file__).parents[3] / "templates" / "workflows"
BASE = "project: {name: x}\naws: {region: eu-west-1}\n"
TWO = BASE + "environments: {staging: {}, live: {}}\n"


def written(folder: Path, config: str, environment: str = "") -> dict[str, str]:
    write(folder, {"shapemaker.yml": config})
    workflows.run(folder, "shapemaker.yml", environment=environment, role="")
    return {path.name: path.read_text() for path in (folder / ".github" / "workflows").iterdir()}


def inputs_of_the_action(text: str) -> list[dict[str, str]]:
    jobs = yaml.safe_load(text)["jobs"].values()
    steps = [step for job in jobs for step in job.get("steps", [])]
    return [step["with"] for step in steps if "/shapemaker@" in step.get("uses", "")]


def test_all_workflows_are_written_but_those_that_are_instead_of_others(tmp_path: Path) -> None:
    made = written(tmp_path, BASE + "environments: {production: {}}\n")
    assert set(made) == {path.name for path in SHIPPED.glob("*.yml")}
    assert {"main.yml", "pull-request.yml", "stage.yml"} <= set(made)


def test_with_an_environment_called_production_they_are_as_shipped_but_for_the_pin(tmp_path: Path) -> None:
    unpinned = re.compile(r"(shapemaker@)\S+(?: # \S+)?")
    for name, text in written(tmp_path, BASE + "environments: {production: {}}\n").items():
        assert unpinned.sub(r"\1", text) == unpinned.sub(r"\1", (SHIPPED / name).read_text())


def test_the_action_is_pinned_to_a_commit_that_exists(tmp_path: Path) -> None:
    for text in written(tmp_path, BASE).values():
        pins = re.findall(r"/shapemaker@(\S+)", text)
        assert pins
        assert all(re.fullmatch(r"[0-9a-f]{40}", pin) and pin != "0" * 40 for pin in pins)


def test_a_checkout_of_a_release_has_a_version_and_any_other_none(tmp_path: Path) -> None:
    assert workflows.reference(tmp_path) == ""
    repository = monorepo.make(tmp_path)
    repository.write("file", "one")
    commit = repository.commit()
    assert workflows.reference(tmp_path) == f"@{commit}"
    repository.git("tag", "v1.2.3")
    repository.git("tag", "latest")
    assert workflows.reference(tmp_path) == f"@{commit} # v1.2.3"
    repository.write("file", "two")
    assert workflows.reference(tmp_path) == f"@{commit}"


@pytest.mark.parametrize(
    ("pin", "told"),
    [
        (f"@{'0' * 40} # v0.0.0", "no commit"),
        (f"@{'a' * 40}", "no release"),
        (f"@{'a' * 40} # v1.2.3", ""),
    ],
)
def test_a_pin_that_is_no_releases_is_told_at_its_place(pin: str, told: str) -> None:
    text = f"steps:\n  - uses: shapemaker-action/shapemaker{pin}\n  - uses: shapemaker-action/shapemaker{pin}\n"
    found = workflows.unpinned({"main.yml": text, "stage.yml": text})
    assert [str(each.position) for each in found] == (["main.yml:2:40"] if told else [])
    assert all(told in each.message and "the commit of a release" in each.hint for each in found)


def test_without_environments_the_action_is_given_none(tmp_path: Path) -> None:
    for text in written(tmp_path, BASE).values():
        for given in inputs_of_the_action(text):
            assert given.get("environment", "pr-").startswith("pr-")


def test_another_environment_takes_the_place_of_production(tmp_path: Path) -> None:
    made = written(tmp_path, TWO, "live")
    assert {given["environment"] for given in inputs_of_the_action(made["main.yml"])} == {"live"}
    assert yaml.safe_load(made["main.yml"])["jobs"]["deploy"]["environment"]["name"] == "live"
    assert "production" not in re.sub("#.*", "", made["main.yml"])
    choice = yaml.safe_load(made["stage.yml"])[True]["workflow_dispatch"]["inputs"]["environment"]
    assert choice["options"] == ["staging", "live"]
    assert choice["default"] == "live"


def test_environments_without_production_need_a_word(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError) as caught:
        written(tmp_path, TWO)
    assert "staging | live" in caught.value.remedy
    assert not (tmp_path / ".github").exists()


def test_an_environment_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="'live'"):
        written(tmp_path, BASE, "live")


def test_without_a_configuration_there_is_nothing_to_run(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError) as caught:
        workflows.run(tmp_path, "shapemaker.yml", environment="", role="")
    assert "init" in caught.value.remedy
    assert not list(tmp_path.iterdir())


def test_a_configuration_elsewhere_is_not_what_they_are_for(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError) as caught:
        workflows.run(tmp_path, "models/a/shapemaker.yml", environment="", role="")
    assert "monorepo.yml" in caught.value.remedy


def test_a_broken_configuration_is_told_at_its_place(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        written(tmp_path, "project: {name: x\n")
    assert caught.value.diagnostics[0].position.file == "shapemaker.yml"
    assert caught.value.state == "nothing was written"


def test_every_workflow_that_is_there_is_named_and_kept(tmp_path: Path) -> None:
    mine = {".github/workflows/main.yml": "mine\n", ".github/workflows/stage.yml": "mine\n"}
    write(tmp_path, mine)
    with pytest.raises(InvalidInputError) as caught:
        written(tmp_path, BASE)
    assert all(path in caught.value.message for path in mine)
    assert {path.name for path in (tmp_path / ".github" / "workflows").iterdir()} == {"main.yml", "stage.yml"}


def test_a_role_is_put_where_the_workflows_look_for_it(tmp_path: Path) -> None:
    write(tmp_path, {"shapemaker.yml": BASE})
    role = "arn:aws:iam::123456789012:role/ci"
    outcome = workflows.run(tmp_path, "shapemaker.yml", environment="", role=role)
    commands = [row[0] for row in outcome.tables[1].rows]
    assert f"gh variable set SHAPEMAKER_TRAIN_ROLE --body {role}" in commands


def test_a_starter_has_the_environment_that_its_workflows_name(tmp_path: Path) -> None:
    starter.run(tmp_path, starter.Answers(name="flats"), role="", program="shapemaker")
    text = (tmp_path / ".github" / "workflows" / "main.yml").read_text()
    environments = yaml.safe_load((tmp_path / "shapemaker.yml").read_text())["environments"]
    assert {given["environment"] for given in inputs_of_the_action(text)} <= set(environments)
