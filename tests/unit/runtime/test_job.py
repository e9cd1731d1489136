"""The job as /opt/ml/input/config describes it, its SM_* variables, and its arguments for a model class."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Optional

import pytest
from shapemaker_runtime import signature
from shapemaker_runtime.errors import SetupError
from shapemaker_runtime.training import job as jobs
from shapemaker_runtime.tree import Tree

if TYPE_CHECKING:
    from collections import OrderedDict
    from collections.abc import Callable, Mapping


class Model:
    def train(  # type: ignore[no-untyped-def] # noqa: PLR0913 - a realistic one
        self,
        train: Path,
        validation: Optional[Path] = None,  # noqa: UP045 - users write it
        checkpoints: Path | None = None,
        *,
        degree: int = 1,
        solver: Literal["svd", "saga"] = "svd",
        weights: Mapping[str, float] | None = None,
        scale=0.5,  # noqa: ANN001
    ) -> None: ...

    def open(self, train: Path, **anything: Any) -> None: ...

    def strange(self, order: OrderedDict[str, int]) -> None: ...

    def needy(self, rate: float) -> None: ...


TAKES = signature.read(Model().train)


def tree(base: Path, **documents: object) -> Tree:
    config = base / "input" / "config"
    config.mkdir(parents=True)
    for name, document in documents.items():
        text = document if isinstance(document, str) else json.dumps(document)
        (config / f"{name}.json").write_text(text)
    return Tree(base)


def test_a_bare_directory_is_a_job_on_one_host(tmp_path: Path) -> None:
    job = jobs.read(Tree(tmp_path))
    assert (job.hyperparameters, job.channels, job.hosts, job.rank) == ({}, {}, ("algo-1",), 0)


def test_what_sagemaker_adds_for_itself_is_no_hyperparameter(tmp_path: Path) -> None:
    given = {"degree": "2", "_tuning_objective_metric": "rmse", "sagemaker_region": '"eu-west-1"', "scale": 0.25}
    assert jobs.read(tree(tmp_path, hyperparameters=given)).hyperparameters == {"degree": "2", "scale": "0.25"}


def test_the_rank_is_the_place_among_the_hosts(tmp_path: Path) -> None:
    job = jobs.read(
        tree(tmp_path, resourceconfig={"current_host": "algo-10", "hosts": ["algo-1", "algo-10", "algo-2"]})
    )
    assert job.rank == 1


def test_a_host_that_is_not_among_the_hosts_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="algo-3"):
        jobs.read(tree(tmp_path, resourceconfig={"current_host": "algo-3", "hosts": ["algo-1"]}))


def test_channels_are_those_of_the_file_with_or_without_a_content_type(tmp_path: Path) -> None:
    job = jobs.read(
        tree(tmp_path, inputdataconfig={"train": {"TrainingInputMode": "File"}, "test": {"ContentType": "x"}})
    )
    assert job.channels == {"train": tmp_path / "input/data/train", "test": tmp_path / "input/data/test"}


def test_without_the_file_channels_are_the_directories(tmp_path: Path) -> None:
    (tmp_path / "input" / "data" / "train").mkdir(parents=True)
    assert list(jobs.read(Tree(tmp_path)).channels) == ["train"]


@pytest.mark.parametrize("text", ["{", "[]", "\xff"])
def test_a_broken_file_is_named(tmp_path: Path, text: str) -> None:
    with pytest.raises(SetupError, match=r"hyperparameters\.json"):
        jobs.read(tree(tmp_path, hyperparameters=text))


def test_training_code_finds_the_usual_variables(tmp_path: Path) -> None:
    job = jobs.read(
        tree(
            tmp_path,
            hyperparameters={"learning-rate": "0.1"},
            inputdataconfig={"train": {}},
            resourceconfig={"current_host": "algo-2", "hosts": ["algo-1", "algo-2"], "network_interface_name": "eth0"},
        )
    )
    found = jobs.environment(job, Tree(tmp_path))
    expected = {
        "SM_MODEL_DIR": str(tmp_path / "model"),
        "SM_OUTPUT_DATA_DIR": str(tmp_path / "output/data"),
        "SM_CHANNEL_TRAIN": str(tmp_path / "input/data/train"),
        "SM_CHANNELS": '["train"]',
        "SM_HP_LEARNING_RATE": "0.1",
        "SM_HPS": '{"learning-rate": "0.1"}',
        "SM_USER_ARGS": '["--learning-rate", "0.1"]',
        "SM_HOSTS": '["algo-1", "algo-2"]',
        "SM_CURRENT_HOST": "algo-2",
        "SM_NUM_HOSTS": "2",
        "SM_HOST_RANK": "1",
        "SM_NETWORK_INTERFACE_NAME": "eth0",
    }
    assert expected.items() <= found.items()
    assert int(found["SM_NUM_CPUS"]) >= 1


def test_hyperparameters_become_what_the_signature_says() -> None:
    given = {"degree": "3", "solver": "saga", "weights": '{"a": 1}', "scale": "2"}
    found = jobs.bind_hyperparameters(given, TAKES)
    assert found == {"degree": 3, "solver": "saga", "weights": {"a": 1.0}, "scale": 2.0}
    assert jobs.bind_hyperparameters({}, TAKES) == {}


def test_dashes_are_underscores_in_python() -> None:
    class Dashed:
        def train(self, *, learning_rate: float) -> None: ...

    assert jobs.bind_hyperparameters({"learning-rate": "1"}, signature.read(Dashed().train)) == {"learning_rate": 1.0}


@pytest.mark.parametrize(
    ("method", "given", "message"),
    [
        (Model.train, {"degre": "1"}, "hyperparameter degre is unknown; did you mean degree?. The hyperparameters"),
        (Model.train, {"degree": "x"}, "hyperparameter degree: expected int, got 'x'"),
        (Model.train, {"train": "x"}, "hyperparameter train is unknown"),
        (Model.train, {"a": "1", "solver": "q"}, "hyperparameter a is unknown; hyperparameter solver: expected one of"),
        (Model.needy, {}, "hyperparameter rate is missing"),
        (Model.strange, {"order": "{}"}, "parameter order: no hyperparameter can be made into"),
    ],
)
def test_hyperparameters_that_do_not_fit_are_refused_by_name(
    method: Callable[..., object], given: dict[str, str], message: str
) -> None:
    with pytest.raises(SetupError) as caught:
        jobs.bind_hyperparameters(given, signature.read(method.__get__(Model())))
    assert message in str(caught.value)


def test_a_model_that_takes_any_name_gets_any_name() -> None:
    takes = signature.read(Model().open)
    assert jobs.bind_hyperparameters({"depth": "3"}, takes) == {"depth": "3"}
    assert jobs.bind_channels({"train": Path("a"), "extra": Path("b")}, takes, {}) == {
        "train": Path("a"),
        "extra": Path("b"),
    }


def test_channels_are_paths_by_name_and_reserved_directories_are_made(tmp_path: Path) -> None:
    found = jobs.bind_channels({"train": Path("a")}, TAKES, {"checkpoints": tmp_path / "c", "output": tmp_path / "o"})
    assert found == {"train": Path("a"), "checkpoints": tmp_path / "c"}
    assert (tmp_path / "c").is_dir()
    assert not (tmp_path / "o").exists()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([], "channel train is missing. The channels that the model takes: train, validation"),
        (["train", "validaton"], "channel validaton is not taken; did you mean validation?"),
        (["train", "checkpoints"], "channel checkpoints: the name is reserved"),
        (["train", "degree"], "channel degree: annotate that parameter as pathlib.Path"),
    ],
)
def test_channels_that_do_not_fit_are_refused_by_name(tmp_path: Path, given: list[str], message: str) -> None:
    with pytest.raises(SetupError) as caught:
        jobs.bind_channels({name: Path(name) for name in given}, TAKES, {"checkpoints": tmp_path / "c"})
    assert message in str(caught.value)
