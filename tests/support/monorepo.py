"""A repository of many small models, under git."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

CONFIG = """\
project: {{name: {name}}}
aws: {{region: eu-west-1}}
model: modelpkg.model:Model
build: {{framework: sklearn}}
train:
  instance: ml.m5.large
  hyperparameters: {{degree: 2}}
  channels: {{train: data/train}}
  metrics: {{rmse: 'rmse=([0-9.eE+-]+)'}}
evaluate:
  channels: {{test: data/test}}
  thresholds: {{rmse: {{max: 2500}}}}
deploy: {{instance: ml.t2.medium}}
invoke: {{requests: [requests/*.json]}}
"""
MODEL = '''\
from pathlib import Path


class Model:
    def train(self, train: Path, *, degree: int = 1) -> None:
        """Nothing."""

    def evaluate(self, test: Path) -> dict[str, float]:
        return {"rmse": 1.0}

    def predict(self, rows: list[dict]) -> list[float]:
        return [1.0 for _ in rows]

    def save(self, directory: Path) -> None:
        """Nothing."""

    def load(self, directory: Path) -> None:
        """Nothing."""
'''
FILES = {
    "modelpkg/__init__.py": "",
    "modelpkg/model.py": MODEL,
    "requirements.txt": "numpy==2.0.0\n",
    "data/train/rows.csv": "age,salary\n1,2\n",
    "data/test/rows.csv": "age,salary\n1,2\n",
    "requests/one.json": "[]\n",
    "README.md": "# a model\n",
}


@dataclass(frozen=True)
class Monorepo:
    """`root` is the work tree."""

    root: Path

    def git(self, *words: str) -> str:
        options = ["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false"]
        command = ["git", "-C", str(self.root), *options, *words]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    def add_model(self, directory: str, name: str = "m") -> None:
        for path, text in {**FILES, "shapemaker.yml": CONFIG.format(name=name)}.items():
            self.write(f"{directory}/{path}", text)

    def write(self, path: str, text: str) -> None:
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text, encoding="utf-8")

    def commit(self) -> str:
        """Everything as it is; the commit."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", "x")
        return self.git("rev-parse", "HEAD")


def make(root: Path, *directories: str) -> Monorepo:
    """A repository with models in these directories, committed."""
    root.mkdir(parents=True, exist_ok=True)
    repository = Monorepo(root)
    repository.git("init", "--quiet", "--initial-branch", "main")
    for number, directory in enumerate(directories):
        repository.add_model(directory, f"model-{number}")
    repository.commit()
    return repository
