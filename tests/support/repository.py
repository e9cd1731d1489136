"""A small repository with a model, and a template that is smaller than the real ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from shapemaker_action.containers.context import ContextRequest

if TYPE_CHECKING:
    from pathlib import Path

    from shapemaker_action.containers.template import Target

Change = Callable[[ContextRequest], ContextRequest]
"""Something that happens to a request, or to its repository."""

FILES = {
    "modelpkg/__init__.py": "",
    "modelpkg/model.py": "class Model: ...\n",
    "modelpkg/words.txt": "a\n",
    "modelpkg/data/__init__.py": "",
    "modelpkg/data/train/a.csv": "1\n",
    "modelpkg/requests/one.json": "{}\n",
    "modelpkg/__pycache__/model.cpython-311.pyc": "stale",
    "requirements.txt": "six\n",
    "train.py": "print('training')\n",
    "wsgi.py": "app = None\n",
    "notes/plan.md": "# plan\n",
    ".git/HEAD": "ref: refs/heads/main\n",
}
FRAMEWORK = """\
python: "3.11"
base_image: "python:{python}-slim-bookworm"
runtime:
  training: ["shapemaker_runtime/*.py", "shapemaker_runtime/training/*.py"]
  inference: ["shapemaker_runtime/*.py", "shapemaker_runtime/serving/*.py"]
process:
  training:
    requirements: [[framework.txt, requirements.txt]]
    entrypoint: [python, -m, shapemaker_runtime]
    environment: {PYTHONUNBUFFERED: "1"}
  inference:
    requirements: [[framework.txt, requirements.txt], [serve.txt]]
    entrypoint: [python, -m, shapemaker_runtime]
    environment: {PYTHONUNBUFFERED: "1"}
"""
TEMPLATES = {
    "dockerfiles/tiny/framework.yaml": FRAMEWORK,
    "dockerfiles/tiny/Dockerfile": "ARG BASE_IMAGE\nFROM ${BASE_IMAGE} AS training\nFROM training AS inference\n",
    "dockerfiles/tiny/framework.txt": "\n",
    "dockerfiles/tiny/serve.txt": "falcon\n",
    "runtime/shapemaker_runtime/__init__.py": "",
    "runtime/shapemaker_runtime/__main__.py": "print('runtime')\n",
    "runtime/shapemaker_runtime/training/job.py": "",
    "runtime/shapemaker_runtime/serving/server.py": "",
    "nginx/nginx.conf": "events {}\n",
    "accelerators/onnx/training.txt": "skl2onnx\n",
    "accelerators/onnx/inference.txt": "onnxruntime\n",
    "accelerators/compiled/training.packages": "gcc\nlibc6-dev\n",
}


def write(folder: Path, files: dict[str, str]) -> Path:
    """Write texts by path below `folder`."""
    for path, text in files.items():
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, encoding="utf-8")
    return folder


def request(folder: Path, target: Target = "training") -> ContextRequest:
    """A request for the repository below `folder`, with channels and request files set apart."""
    return ContextRequest(
        root=folder / "repository",
        templates=folder / "templates",
        target=target,
        platform="linux/amd64",
        framework="tiny",
        requirements="requirements.txt",
        model="modelpkg.model:Model",
        data=("modelpkg/data/train", "modelpkg/requests/*.json"),
    )


def make(folder: Path) -> None:
    """Write both below `folder`."""
    write(folder / "repository", FILES)
    write(folder / "templates", TEMPLATES)


def change(path: str, text: str = "changed\n") -> Change:
    """Writes a file of the request's repository."""

    def apply(request: ContextRequest) -> ContextRequest:
        write(request.root, {path: text})
        return request

    return apply
