from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from shapemaker_action.arguments import from_argv
from shapemaker_action.errors import InvalidInputError
from shapemaker_action.inputs import format_of, from_inputs
from shapemaker_action.invocation import RUN, STAGES
from shapemaker_action.stages.registry import STAGES as REGISTERED

if TYPE_CHECKING:
    from pathlib import Path


def test_every_stage_of_the_command_line_exists() -> None:
    assert set(STAGES) == set(REGISTERED)


def test_run_is_everything_from_validate_to_invoke() -> None:
    assert from_argv(["run"], {}, "shapemaker").stages == RUN


def test_several_stages_keep_their_order() -> None:
    assert from_argv(["train,evaluate"], {}, "shapemaker").stages == ("train", "evaluate")


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["trian"], "did you mean 'train'"),
        (["train", "deploy"], "unexpected 'deploy'"),
        (["train", "--no-such"], "unrecognized arguments: --no-such"),
        (["train", "--target", "mars"], "invalid choice: 'mars'"),
        (["run", "--no-wait"], r"--no-wait \(wait: false\) goes with train or deploy"),
        (["train", "--directory", "/nowhere/at/all"], "no directory"),
        (["train", "--timeout", "soon"], "expected seconds, 0 or more, got 'soon'"),
        (["train", "--timeout", "nan"], "expected seconds"),
        (["train", "--timeout", "inf"], "expected seconds"),
        (["train", "--timeout=-1"], "expected seconds"),
        (["schema,plan"], "'schema' is no stage, it goes alone"),
        (["validate,local"], "'local' is no stage, it goes alone"),
        (["--format", "json"], "required: STAGE"),
    ],
)
def test_what_makes_no_sense_is_refused_with_a_remedy(argv: list[str], message: str) -> None:
    with pytest.raises(InvalidInputError, match=message) as caught:
        from_argv(argv, {}, "shapemaker")
    assert caught.value.remedy
    assert caught.value.exit_code == 2


def test_the_command_to_continue_repeats_what_matters_and_quotes_it() -> None:
    argv = [
        "run",
        "--target",
        "local",
        "--set",
        "train.hyperparameters.name=a b",
        "--config",
        "x.yml",
        "--config",
        "y.yml",
    ]
    again = from_argv(argv, {}, "./entrypoint").again.format(stages="train")
    assert again == (
        "./entrypoint train --target local --config x.yml --config y.yml --set 'train.hyperparameters.name=a b'"
    )


def test_braces_in_a_value_survive_the_command_to_continue() -> None:
    again = from_argv(["train", "--set", "a={b: 1}"], {}, "shapemaker").again
    assert "'a={b: 1}'" in again.format(stages="train")


@pytest.mark.parametrize(
    ("stage", "expected"),
    [
        ("train", "--experimental --timeout 90"),
        ("deploy", "--training-job a --model-data 's3://b/x y' --force --timeout 90"),
        ("train,deploy", "--experimental --training-job a --model-data 's3://b/x y' --force --timeout 90"),
        ("delete", "--everything"),
        ("status", ""),
    ],
)
def test_a_switch_is_repeated_for_the_stages_that_heed_it(stage: str, expected: str) -> None:
    argv = ["train", "--experimental", "--training-job=a", "--model-data=s3://b/x y", "--force", "--everything"]
    switches = from_argv([*argv, "--timeout=90", "--retry"], {}, "shapemaker").switches
    assert " ".join(switches.options(stage)) == expected


def test_the_directory_is_repeated_as_it_was_written(tmp_path: Path) -> None:
    again = from_argv(["train", "--directory", str(tmp_path)], {}, "shapemaker").again
    assert again == f"shapemaker {{stages}} --directory {tmp_path}"


@pytest.mark.parametrize(
    ("argv", "environ", "expected"),
    [
        (["--no-such", "--format", "json"], {}, "json"),
        (["trian", "--format=json"], {}, "json"),
        (["train", "--format", "json", "--format", "text"], {}, "text"),
        (["train", "--format", "xml"], {}, "text"),
        (["train", "--", "--format=json"], {}, "text"),
        (["train"], {"SHAPEMAKER_INPUT_FORMAT": "json"}, "text"),
        ([], {"SHAPEMAKER_INPUT_FORMAT": "json"}, "json"),
    ],
)
def test_the_format_is_known_before_the_rest_is_understood(
    argv: list[str], environ: dict[str, str], expected: str
) -> None:
    assert format_of(argv, environ) == expected


def test_an_engine_that_is_asked_for_wins_over_the_variable() -> None:
    environ = {"SHAPEMAKER_ENGINE": "docker"}
    assert from_argv(["train", "--engine", "process"], environ, "shapemaker").engine == "process"
    assert from_argv(["train"], environ, "shapemaker").engine == "docker"


def test_inputs_of_the_action_become_the_same_invocation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "models").mkdir()
    monkeypatch.chdir(tmp_path)
    environ = {
        "SHAPEMAKER_INPUT_STAGE": "train,evaluate",
        "SHAPEMAKER_INPUT_CONFIG": "a.yml\nb.yml\n",
        "SHAPEMAKER_INPUT_TARGET": "local",
        "SHAPEMAKER_INPUT_SET": "train.spot=true\n\n",
        "SHAPEMAKER_INPUT_WORKING_DIRECTORY": "models",
        "SHAPEMAKER_INPUT_AWS_REGION": "eu-west-1",
        "SHAPEMAKER_INPUT_FORMAT": "json",
        "SHAPEMAKER_INPUT_WAIT": "true",
    }
    found = from_inputs(environ, "shapemaker")
    assert found.stages == ("train", "evaluate")
    assert (found.configs, found.target, found.sets) == (("a.yml", "b.yml"), "local", ("train.spot=true",))
    assert (found.region, found.format, found.root) == ("eu-west-1", "json", tmp_path / "models")


@pytest.mark.parametrize("hostile", ["x; rm -rf ~", "$(id)", "`id`", "--version", "-h", "--everything"])
def test_an_input_is_never_an_option_or_a_command(hostile: str) -> None:
    with pytest.raises(InvalidInputError):
        from_inputs({"SHAPEMAKER_INPUT_STAGE": hostile}, "shapemaker")
    given = from_inputs({"SHAPEMAKER_INPUT_STAGE": "train", "SHAPEMAKER_INPUT_CONFIG": hostile}, "shapemaker")
    assert given.configs == (hostile,)
    assert not given.switches.everything


@pytest.mark.parametrize("wait", ["yes", "1", "TrUe", "nope"])
def test_a_boolean_input_is_true_or_false(wait: str) -> None:
    with pytest.raises(InvalidInputError, match="expected true or false"):
        from_inputs({"SHAPEMAKER_INPUT_STAGE": "train", "SHAPEMAKER_INPUT_WAIT": wait}, "shapemaker")


def test_what_cannot_be_left_early_names_the_input_and_the_option() -> None:
    with pytest.raises(InvalidInputError, match=r"--no-wait \(wait: false\) goes with train or deploy"):
        from_inputs({"SHAPEMAKER_INPUT_STAGE": "run", "SHAPEMAKER_INPUT_WAIT": "false"}, "shapemaker")


def test_a_missing_stage_names_the_input() -> None:
    with pytest.raises(InvalidInputError, match="input stage is missing"):
        from_inputs({"SHAPEMAKER_INPUT_STAGE": ""}, "shapemaker")
