from __future__ import annotations

import ast
from pathlib import Path

import pytest

from shapemaker_action.config import signature
from shapemaker_action.config.load import load
from shapemaker_action.errors import ConfigError

CONFIG = """
project: {name: salary}
aws: {region: eu-west-1}
model: model:Model
build: {requirements: ''}
"""
OTHERS = """
    def predict(self, x): ...
    def save(self, directory: Path): ...
    def load(self, directory: Path): ...
"""


def problems(root: Path, source: str, config: str = "") -> list[str]:
    (root / "shapemaker.yml").write_text(CONFIG + config)
    (root / "model.py").write_text(source)
    (root / "data").mkdir(exist_ok=True)
    (root / "data" / "a.csv").touch()
    try:
        load([Path("shapemaker.yml")], root=root)
    except ConfigError as error:
        return [f"{each.path}: {each.message}" for each in error.diagnostics]
    return []


@pytest.mark.parametrize(
    ("annotation", "text", "expected"),
    [
        ("int", "1", ""),
        ("int", " 1 ", ""),
        ("int", "1.0", ""),
        ("int", "1.5", "a whole number"),
        ("int", "one", "a whole number"),
        ("int", "true", "a whole number"),
        ("float", "1", ""),
        ("float", "1e-3", ""),
        ("float", "nan", "a number"),
        ("float", ".5", "a number"),
        ("bool", "true", ""),
        ("bool", "True", ""),
        ("bool", "1", "true or false"),
        ("str", "1", ""),
        ("'int'", "x", "a whole number"),
        ("int | None", "null", ""),
        ("int | None", "x", "a whole number or null"),
        ("Optional[int]", "x", "a whole number or null"),
        ("typing.Union[int, float]", "x", "a whole number or a number"),
        ("Annotated[int, 'anything']", "x", "a whole number"),
        ("list[int]", "[1]", ""),
        ("list", "1", "a list"),
        ("Sequence[str]", '{"a": 1}', "a list"),
        ("dict[str, int]", '{"a": 1}', ""),
        ("Mapping[str, int]", "[1]", "a mapping"),
        ("Literal['a', 1]", "a", ""),
        ("Literal['a', 1]", "1", ""),
        ("Literal['a', 1]", "b", "one of a, 1"),
        ("SomethingElse", "x", ""),
        ("int | SomethingElse", "x", ""),
        ("'not python('", "x", ""),
        ("None", "x", "null"),
    ],
)
def test_a_text_is_held_against_its_annotation_as_the_runtime_does(annotation: str, text: str, expected: str) -> None:
    function = ast.parse(f"def f(self, *, p: {annotation} = 1): ...").body[0]
    assert isinstance(function, ast.FunctionDef)
    found = signature.of(function)
    assert found is not None
    assert signature.expected(found.parameters[0].annotation, text) == expected


def test_an_untyped_default_is_an_annotation(tmp_path: Path) -> None:
    source = f"class Model:\n    def train(self, degree=1, name='x', other=None): ...{OTHERS}"
    config = "train: {hyperparameters: {degree: 1.5, name: 3, other: [x]}}\n"
    assert problems(tmp_path, source, config) == [
        "train.hyperparameters.degree: train() takes a whole number as degree; got '1.5'"
    ]


@pytest.mark.parametrize(
    "method",
    [
        "@staticmethod\n    def train(train: Path, degree): ...",
        "@classmethod\n    def train(cls, train: Path, degree): ...",
        "def train(self, train: 'Path', /, degree): ...",
        "def train(self, train: pathlib.Path, *, degree): ...",
        "def train(self, train: Path | None, *args, degree): ...",
        "async def train(self, train: Optional[Path], degree): ...",
    ],
)
def test_however_the_method_is_written(tmp_path: Path, method: str) -> None:
    source = f"class Model:\n    {method}{OTHERS}"
    good = "train: {hyperparameters: {degree: 1}, channels: {train: data}}\n"
    assert problems(tmp_path, source, good) == []
    assert problems(tmp_path, source) == [
        "train.channels.train: train() wants this channel",
        "train.hyperparameters.degree: train() in model.py demands this hyperparameter",
    ]


def test_a_decorated_method_is_not_judged(tmp_path: Path) -> None:
    source = f"class Model:\n    @wrapped\n    def train(self, x): ...{OTHERS}"
    assert problems(tmp_path, source, "train: {hyperparameters: {anything: 1}}\n") == []


@pytest.mark.parametrize(
    "source",
    [
        "from elsewhere import Model",
        "from elsewhere import *",
        "Model = make_model()",
        "class Model(elsewhere.Base): ...",
        "@decorated\nclass Model: ...",
        "class Model(metaclass=Meta): ...",
        f"class Base:\n    def train(self): ...{OTHERS}\nclass Model(Base): ...",
        f"class Model:\n    train = predict = save = load = None\n{OTHERS}",
        f"if True:\n    class Model:\n        def train(self): ...{OTHERS.replace('    def', '        def')}",
        "class Model(Other): ...\nclass Other(Model): ...",
    ],
)
def test_what_cannot_be_followed_is_not_called_missing(tmp_path: Path, source: str) -> None:
    found = problems(tmp_path, source)
    assert found == [] or "Other" in source


def test_a_hyperparameter_may_be_spelled_with_hyphens(tmp_path: Path) -> None:
    source = f"class Model:\n    def train(self, *, learning_rate: float): ...{OTHERS}"
    assert problems(tmp_path, source, "train: {hyperparameters: {learning-rate: 0.1}}\n") == []
    assert problems(tmp_path, source, "train: {hyperparameters: {learning-rate: x}}\n") == [
        "train.hyperparameters.learning-rate: train() takes a number as learning_rate; got 'x'"
    ]


def test_reserved_folders_are_no_channels_of_training(tmp_path: Path) -> None:
    source = f"class Model:\n    def train(self, *, checkpoints: Path, output: Path): ...{OTHERS}"
    assert problems(tmp_path, source) == []


def test_an_evaluation_gets_channels_only(tmp_path: Path) -> None:
    source = f"class Model:\n    def train(self): ...\n    def evaluate(self, test: Path, share: float): ...{OTHERS}"
    config = "evaluate: {channels: {test: data}, thresholds: {rmse: {max: 1}}}\n"
    assert problems(tmp_path, source, config) == [
        "model: evaluate() in model.py demands share, but gets channels only",
    ]


def test_with_entry_points_of_ones_own_no_class_is_needed(tmp_path: Path) -> None:
    (tmp_path / "train.py").touch()
    train = "train: {entrypoint: train.py, hyperparameters: {anything: 1}, channels: {any: data}}\n"
    config = f"{train}serve: {{app: 'model:app'}}\n"
    assert problems(tmp_path, "class Model: ...\n", config) == []


@pytest.mark.parametrize(
    "source", ["\0", "(" * 5000, "class Model:\n  def train(self:\n", "\ud800", "x = 1\n" * 200_000]
)
def test_source_that_is_no_python_is_a_finding(tmp_path: Path, source: str) -> None:
    (tmp_path / "shapemaker.yml").write_text(CONFIG)
    (tmp_path / "model.py").write_bytes(source.encode("utf-8", "surrogatepass"))
    with pytest.raises(ConfigError) as caught:
        load([Path("shapemaker.yml")], root=tmp_path)
    assert len(caught.value.diagnostics) == 1
