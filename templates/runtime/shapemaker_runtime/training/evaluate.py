"""`evaluate`: a processing job that writes a report of the metrics of one model, for the quality gate to read."""

from __future__ import annotations

import json
import math
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shapemaker_runtime import program as programs
from shapemaker_runtime import signature, strict_json
from shapemaker_runtime.errors import ModelOutputError, SetupError
from shapemaker_runtime.failure import Boundary
from shapemaker_runtime.training import archive, script
from shapemaker_runtime.training import job as jobs
from shapemaker_runtime.training.metrics import numbers
from shapemaker_runtime.training.script import Script
from shapemaker_runtime.tree import Tree

if TYPE_CHECKING:
    from collections.abc import Mapping


def main(environ: Mapping[str, str]) -> int:
    """Exit code: 0 the report is written, 1 the user's code failed or gave no usable metrics, 2 inputs are missing."""
    tree = Tree.from_environ(environ)
    report = tree.processing / "output" / "report.json"
    boundary = Boundary(tree.message, programs.root(environ))
    with boundary:
        program = programs.load(environ)
        model_data = tree.processing / "model" / "model.tar.gz"
        channels = _channels(tree.processing / "input")
        directory = _unpack(model_data, tree.processing)
        variables = {
            "SM_MODEL_DIR": str(directory),
            "SM_OUTPUT_DATA_DIR": str(report.parent),
            **jobs.channel_environment(channels),
        }
        report.parent.mkdir(parents=True, exist_ok=True)
        if program.evaluate_entrypoint:
            own = Script(program.root, program.evaluate_entrypoint, [], {**environ, **variables})
            boundary.exit_code = script.run(own, tree.message)
            if boundary.exit_code:
                return boundary.exit_code
            metrics = _read(report)
        else:
            os.environ.update(variables)
            metrics = _evaluate(program, directory, channels)
        _write(
            report,
            {
                "metrics": _finite(metrics),
                "model_data_digest": archive.digest(model_data),
                "channels": {name: _count(path) for name, path in channels.items()},
            },
        )
    return boundary.exit_code


def _channels(folder: Path) -> dict[str, Path]:
    return {each.name: each for each in sorted(folder.iterdir()) if each.is_dir()} if folder.is_dir() else {}


def _unpack(model_data: Path, near: Path) -> Path:
    if not model_data.is_file():
        raise SetupError(f"{model_data} does not exist: the model data are an input of the processing job")
    # Beside the inputs, because that is the job's own volume; /tmp may be too small for a large model.
    directory = Path(tempfile.mkdtemp(prefix="model-", dir=near))
    archive.extract(model_data, directory)
    return directory


def _evaluate(program: programs.Program, directory: Path, channels: Mapping[str, Path]) -> object:
    model = programs.new_model(program, ("load", "evaluate"))
    takes = signature.read(model.evaluate)
    arguments: dict[str, Any] = {
        **jobs.bind_channels(channels, takes, {}),
        **jobs.bind_hyperparameters({}, takes),
    }
    model.load(directory)
    return model.evaluate(**arguments)


def _read(report: Path) -> object:
    if not report.is_file():
        raise ModelOutputError(f"the evaluation script wrote no {report}")
    try:
        document = strict_json.loads(report.read_bytes())
    except strict_json.JsonError as error:
        raise ModelOutputError(f"{report.name} is not JSON: {error}") from None
    if not isinstance(document, dict) or "metrics" not in document:
        raise ModelOutputError(f'{report.name} must be an object with "metrics"')
    return document["metrics"]


def _finite(metrics: object) -> dict[str, float]:
    named = numbers(metrics, "the evaluation")
    if not named:
        raise ModelOutputError("the evaluation gave no metrics")
    for name, value in named.items():
        if not math.isfinite(value):
            raise ModelOutputError(f"the metric {name} is {value}: a gate can't decide on that")
    return named


def _count(directory: Path) -> int:
    return sum(1 for each in directory.rglob("*") if each.is_file())


def _write(report: Path, document: dict[str, object]) -> None:
    # Whoever watches the directory (SageMaker may upload continuously) must never see half a report.
    partial = report.with_name(f".{report.name}.partial")
    partial.write_text(json.dumps(document, indent=2, allow_nan=False) + "\n", encoding="utf-8")
    partial.replace(report)
