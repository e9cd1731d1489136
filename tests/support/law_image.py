"""An image for the law of engines, by a template of its own: it runs the Python that it gets as its argument."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shapemaker_action.containers import context
from shapemaker_action.containers.engine import ImageBuild
from tests.support import repository

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from shapemaker_action.containers.context import BuildContext
    from shapemaker_action.containers.engine import Engine
    from shapemaker_action.containers.template import Target

DOCKERFILE = """\
ARG BASE_IMAGE
FROM ${BASE_IMAGE} AS training
ARG PACKAGES
WORKDIR /opt/program
ENV PYTHONPATH=/opt/shapemaker IN_IMAGE=yes
COPY framework.txt requirements.txt /opt/requirements/
RUN --mount=type=secret,id=pip_config if [ -f /run/secrets/pip_config ]; then wc -c /run/secrets/pip_config; fi
RUN python3 -m pip download --no-deps --dest /tmp/wheels --requirement /opt/requirements/requirements.txt
COPY runtime /opt/shapemaker
COPY program /opt/program
ENTRYPOINT ["python3", "-u", "-m", "shapemaker_runtime"]
FROM training AS inference
COPY serve.txt /opt/requirements/
"""
FRAMEWORK = """\
python: "3.11"
base_image: "python:{python}-slim-bookworm"
runtime: {training: ["shapemaker_runtime/*.py"], inference: ["shapemaker_runtime/*.py"]}
process:
  training: &recipe
    requirements: [[requirements.txt]]
    entrypoint: [python, -u, -m, shapemaker_runtime]
    environment: {IN_IMAGE: "yes"}
  inference: {<<: *recipe, requirements: [[requirements.txt], [serve.txt]]}
"""
EMPTY = """\
FROM scratch AS training
COPY program /opt/program
ENTRYPOINT ["nothing"]
"""
RUN = """\
import os, pathlib, signal, sys, time
ML = pathlib.Path(os.environ.get("SAGEMAKER_BASE_DIR", "/opt/ml"))
exec(sys.argv[1])
"""


def write(
    folder: Path, target: Target, engine: Engine, requirements: str = "", dockerfile: str = DOCKERFILE
) -> BuildContext:
    """The build context of one target below `folder`."""
    templates = {
        "dockerfiles/law/framework.yaml": FRAMEWORK,
        "dockerfiles/law/Dockerfile": dockerfile,
        "dockerfiles/law/framework.txt": "",
        "dockerfiles/law/serve.txt": "",
        "runtime/shapemaker_runtime/__init__.py": "",
        "runtime/shapemaker_runtime/__main__.py": RUN,
    }
    repository.write(folder / "templates", templates)
    code = {"modelpkg/__init__.py": "", "modelpkg/model.py": "NAME = 'model'\n", "requirements.txt": requirements}
    repository.write(folder / "repository", code)
    request = context.ContextRequest(
        root=folder / "repository",
        templates=folder / "templates",
        target=target,
        platform="linux/amd64",
        framework="law",
        requirements="requirements.txt",
        model="modelpkg.model:Model",
        engine=engine.name,
    )
    return context.write(request, folder / "contexts" / f"{target}-{context.digest(request)}")


def build(engine: Engine, written: BuildContext, image: str, secrets: Mapping[str, Path] | None = None) -> list[str]:
    """Build it; the lines of output."""
    lines: list[str] = []
    engine.build(
        ImageBuild(
            context=written.directory,
            dockerfile=written.dockerfile,
            target=written.target,
            image=image,
            platform="linux/amd64",
            args=written.args,
            secrets=secrets or {},
            labels={"law": "yes"},
        ),
        lines.append,
    )
    return lines
