from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from shapemaker_action.config.load import load
from shapemaker_action.errors import ConfigError, ExitCode

ROOT = Path(__file__).parents[3]
GOOD = "project: {name: salary}\naws: {region: eu-west-1}\nmodel: model:Model\nbuild: {requirements: ''}\n"
MODEL = """
from pathlib import Path

class Model:
    def train(self, *, degree=1): ...
    def predict(self, x): ...
    def save(self, directory: Path): ...
    def load(self, directory: Path): ...
"""


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    folder.mkdir()
    (folder / "shapemaker.yml").write_text(GOOD)
    (folder / "model.py").write_text(MODEL)
    return folder


def problems(root: Path, *names: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load([Path(name) for name in names or ("shapemaker.yml",)], root=root)
    assert caught.value.exit_code is ExitCode.INVALID
    return [str(each) for each in caught.value.diagnostics]


def test_loading_imports_no_client_of_aws_and_opens_no_connection() -> None:
    program = """
import sys
from pathlib import Path
sys.addaudithook(lambda event, _: event.startswith('socket.connect') and sys.exit('connects'))
from shapemaker_action.config.load import load
load([Path('shapemaker.yml')], root=Path(sys.argv[1]), environment='production')
sys.exit(str({'boto3', 'botocore', 'moto'} & set(sys.modules) or ''))
"""
    done = subprocess.run(
        [sys.executable, "-c", program, str(ROOT)], cwd=ROOT, check=False, capture_output=True, text=True
    )
    assert done.stderr == "\n"


def test_the_users_code_is_never_run(repository: Path) -> None:
    (repository / "model.py").write_text(f"raise SystemExit('it ran')\n{MODEL}")
    assert load([Path("shapemaker.yml")], root=repository).project.model == "model:Model"


def test_a_file_may_be_named_absolutely_when_it_is_inside(repository: Path) -> None:
    assert load([repository / "shapemaker.yml"], root=repository).project.name == "salary"
    (repository / "bad.yml").write_text("- 1\n")
    assert problems(repository, str(repository / "bad.yml"))[0].startswith("bad.yml:1:1: ")


def test_a_link_out_of_the_repository_is_not_followed(repository: Path, tmp_path: Path) -> None:
    (tmp_path / "secret.yml").write_text("password: hunter2\n")
    (repository / "link.yml").symlink_to(tmp_path / "secret.yml")
    (repository / "circle.yml").symlink_to("circle.yml")
    assert problems(repository, "link.yml") == [
        "link.yml:1:1: the configuration must be a file of the repository; this leads out of it"
    ]
    assert len(problems(repository, "circle.yml")) == 1


def test_a_pipe_is_not_waited_for(repository: Path) -> None:
    os.mkfifo(repository / "pipe.yml")
    assert problems(repository, "pipe.yml") == ["pipe.yml:1:1: this is not a file"]


def test_a_huge_file_is_not_read_to_its_end(repository: Path) -> None:
    with (repository / "huge.yml").open("wb") as stream:
        stream.truncate(1 << 40)
    assert problems(repository, "huge.yml") == [
        "huge.yml:1:1: the file is larger than 256 KiB (a configuration this large is a mistake)"
    ]


def test_line_ends_make_no_difference_to_the_project(repository: Path) -> None:
    unix = load([Path("shapemaker.yml")], root=repository)
    (repository / "shapemaker.yml").write_bytes(b"\xef\xbb\xbf" + GOOD.replace("\n", "\r\n").encode())
    assert load([Path("shapemaker.yml")], root=repository) == unix


def test_schema_problems_do_not_hide_rule_problems_elsewhere(repository: Path) -> None:
    (repository / "shapemaker.yml").write_text(
        GOOD.replace("eu-west-1", "eu-wst-1") + "train: {spot: 1, instance: ml.m5.larg}\n"
    )
    assert [each.split(": ")[1] for each in problems(repository)] == ["aws.region", "train.spot", "train.instance"]


def test_a_value_that_is_wrong_already_is_not_wrong_twice(repository: Path) -> None:
    text = "train: {spot: true, checkpoints: true, max_runtime: '7200', max_wait: 10}\n"
    (repository / "shapemaker.yml").write_text(GOOD + text)
    assert [each.split(": ")[1] for each in problems(repository)] == ["train.max_runtime"]


def test_the_scope_carries_the_environment(repository: Path) -> None:
    (repository / "shapemaker.yml").write_text(GOOD + "environments: {blue: {deploy: {keep: 7}}}\n")
    plain = load([Path("shapemaker.yml")], root=repository).project
    blue = load([Path("shapemaker.yml")], root=repository, environment="blue").project
    assert (plain.scope, plain.deploy.endpoint, plain.deploy.keep) == ("salary", "salary", 3)
    assert (blue.scope, blue.deploy.endpoint, blue.deploy.keep) == ("salary-blue", "salary-blue", 7)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("'007'", "007"),
        ("7", "7"),
        ("0x1F", "31"),
        ("1e-5", "1e-05"),
        ("1.0", "1.0"),
        ("true", "true"),
        ("False", "false"),
        ("[1, x, [true, null]]", '[1,"x",[true,null]]'),
        ("{b: é, a: 1}", '{"a":1,"b":"é"}'),
    ],
)
def test_hyperparameters_become_the_text_that_sagemaker_carries(repository: Path, value: str, text: str) -> None:
    (repository / "model.py").write_text(MODEL.replace("*, degree=1", "**anything"))
    (repository / "shapemaker.yml").write_text(GOOD + f"train: {{hyperparameters: {{h: {value}}}}}\n")
    assert load([Path("shapemaker.yml")], root=repository).project.train.hyperparameters == {"h": text}
