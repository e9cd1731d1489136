#!/usr/bin/env python3
"""Measure what the inference image adds to its base image, compressed, beside the original template's recipe.

    python tests/benchmarks/image_size.py

Needs docker. Both are built on the same base for a model that needs NumPy alone; a layer is as large as docker makes it
for a registry, compressed with gzip. The program itself is the same few lines in both.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
import tempfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parents[2]))

from shapemaker_action.containers import context
from shapemaker_action.containers.engine import ImageBuild
from shapemaker_action.containers.select import choose
from tests.support import base_image
from tests.support.build_secrets import build_secrets

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import IO

MODEL = """\
import numpy as np

class Model:
    def load(self, directory): self.weights = np.ones(3)
    def predict(self, instances): return np.asarray(instances) @ self.weights
    def train(self): pass
    def save(self, directory): pass
"""

ORIGINAL = """\
ARG BASE_IMAGE
FROM ${BASE_IMAGE}
RUN apt-get update && apt-get install --yes --no-install-recommends wget nginx ca-certificates
RUN --mount=type=secret,id=pip_config,target=/etc/pip.conf --mount=type=secret,id=ca_bundle \\
    if [ -f /run/secrets/ca_bundle ]; then export PIP_CERT=/run/secrets/ca_bundle; fi; \\
    PIP_BREAK_SYSTEM_PACKAGES=1 python3 -m pip install flask gunicorn numpy
ENV PATH=/opt/program:${PATH}
COPY program /opt/program
WORKDIR /opt/program
"""
"""Its steps in our words: nginx by apt, Flask and gunicorn by pip, nothing cleaned up."""

TIDY = ORIGINAL.replace(" ca-certificates\n", " ca-certificates && rm -rf /var/lib/apt/lists/*\n").replace(
    "install flask", "install --no-cache-dir flask"
)
"""The same, but for what apt and pip leave behind."""

MOST = 0.6
"""Of the original."""

_CHUNK = 1 << 20
_GZIP = 16 + zlib.MAX_WBITS


@dataclass(frozen=True, kw_only=True)
class Layer:
    """One layer, in bytes."""

    made_by: str
    compressed: int
    plain: int


def main() -> int:
    """Print the sizes; 1 when ours is too large."""
    base_image.ensure("docker")
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        sizes = {name: measure(image) for name, image in build(place).items()}
    for name, layers in sizes.items():
        sys.stdout.write(f"\n{name}: {_mb(total(layers))} MB on top of the base\n")
        for layer in layers:
            sys.stdout.write(f"  {_mb(layer.compressed)} MB ({_mb(layer.plain)} unpacked)  {layer.made_by}\n")
    ours = total(sizes["shapemaker"])
    ratios = {name: ours / total(sizes[name]) for name in ("original", "original, tidied up")}
    sys.stdout.write("\n" + "\n".join(f"{ratio:.2f} of the {name}" for name, ratio in ratios.items()) + "\n")
    return int(ratios["original"] > MOST)


def total(layers: list[Layer]) -> int:
    """What a registry keeps of them."""
    return sum(layer.compressed for layer in layers)


def _mb(size: int) -> str:
    return f"{size / 1e6:6.1f}"


def build(folder: Path) -> dict[str, str]:
    """The images by what they are called in the output."""
    engine = choose("docker")
    secrets = build_secrets(folder)
    repository = folder / "repository"
    (repository / "modelpkg").mkdir(parents=True)
    (repository / "modelpkg" / "model.py").write_text(MODEL)
    (repository / "requirements.txt").write_text("numpy\n")
    written = context.write(
        context.ContextRequest(
            root=repository,
            target="inference",
            platform="linux/amd64",
            framework="python",
            requirements="requirements.txt",
            model="modelpkg.model:Model",
        ),
        folder / "ours",
    )
    args = {"BASE_IMAGE": base_image.IMAGE}
    recipes = {"shapemaker": (written.directory, written.dockerfile, written.target, dict(written.args))}
    for name, recipe in (("original", ORIGINAL), ("original, tidied up", TIDY)):
        place = folder / name.replace(" ", "-").replace(",", "")
        (place / "program").mkdir(parents=True)
        (place / "program" / "model.py").write_text(MODEL)
        (place / "Dockerfile").write_text(recipe)
        recipes[name] = (place, "Dockerfile", "", args)
    images = {}
    for number, (name, (place, dockerfile, target, given)) in enumerate(recipes.items()):
        images[name] = f"image-size-{os.getpid()}:{number}"
        request = ImageBuild(
            context=place,
            dockerfile=dockerfile,
            target=target,
            image=images[name],
            platform="linux/amd64",
            args=given,
            secrets=secrets,
        )
        engine.build(request, lambda _line: None)
    return images


def measure(image: str) -> list[Layer]:
    """The layers above the base image's, lowest first; the image is removed."""
    above = len(_base_layers())
    with tempfile.TemporaryFile() as file:
        subprocess.run(["docker", "save", image], stdout=file, check=True)
        subprocess.run(["docker", "image", "rm", image], stdout=subprocess.DEVNULL, check=True)
        file.seek(0)
        return list(_layers(file))[above:]


def _base_layers() -> list[str]:
    command = ["docker", "image", "inspect", "--format", "{{json .RootFS.Layers}}", base_image.IMAGE]
    found = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    return [str(each) for each in found]


def _layers(file: IO[bytes]) -> Iterator[Layer]:
    """What `docker save` writes, lowest layer first."""
    with tarfile.open(fileobj=file) as archive:
        manifest = json.loads(_member(archive, "manifest.json").read())[0]
        history = json.loads(_member(archive, manifest["Config"]).read())["history"]
        steps = [step.get("created_by", "") for step in history if not step.get("empty_layer")]
        for step, name in zip(steps, manifest["Layers"], strict=True):
            packer = zlib.compressobj(wbits=_GZIP)
            packed = plain = 0
            layer = _member(archive, name)
            while chunk := layer.read(_CHUNK):
                plain += len(chunk)
                packed += len(packer.compress(chunk))
            yield Layer(made_by=" ".join(step.split())[:90], compressed=packed + len(packer.flush()), plain=plain)


def _member(archive: tarfile.TarFile, name: str) -> IO[bytes]:
    found = archive.extractfile(name)
    if found is None:
        raise SystemExit(f"docker save wrote no {name}")
    return found


if __name__ == "__main__":
    sys.exit(main())
