"""`train`: the training job of SageMaker's contract around `Model.train` and `Model.save`, or the user's own script."""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING, Any

from shapemaker_runtime import program as programs
from shapemaker_runtime import signature
from shapemaker_runtime.acceleration.settings import Acceleration, machinery
from shapemaker_runtime.errors import ModelOutputError, Terminated
from shapemaker_runtime.failure import Boundary
from shapemaker_runtime.training import job as jobs
from shapemaker_runtime.training import script
from shapemaker_runtime.training.metrics import numbers
from shapemaker_runtime.training.script import Script
from shapemaker_runtime.tree import Tree

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path
    from types import FrameType

STOP_GRACE = 90
"""Seconds that a model with a `stop()` has to return; 30 of SageMaker's 120 are left for saving."""


def main(environ: Mapping[str, str]) -> int:
    """Exit code: 0 trained and saved, 1 the user's code failed, 2 hyperparameters or channels do not fit, 143 stopped.

    A stopped job saves what there is and still ends with 143: for a spot interruption it is not done.
    """
    tree = Tree.from_environ(environ)
    boundary = Boundary(tree.failure, programs.root(environ))
    with boundary:
        program = programs.load(environ)
        job = jobs.read(tree)
        acceleration = Acceleration.from_environ(environ)
        variables = jobs.environment(job, tree)
        for folder in (tree.model, tree.output, tree.checkpoints):
            folder.mkdir(parents=True, exist_ok=True)
        if program.train_entrypoint:
            own = Script(program.root, program.train_entrypoint, jobs.arguments(job), {**environ, **variables})
            boundary.exit_code = script.run(own, tree.failure)
            trained = None
        else:
            os.environ.update(variables)
            trained = _train(program, job, tree, boundary)
        if acceleration.is_wanted and job.rank == 0 and not boundary.exit_code:
            machinery("shapemaker_runtime.training.accelerate").accelerate(program, trained, tree.model, acceleration)
    return boundary.exit_code


def _train(program: programs.Program, job: jobs.Job, tree: Tree, boundary: Boundary) -> Any:
    model = programs.new_model(program, ("train", "save"))
    takes = signature.read(model.train)
    arguments: dict[str, Any] = {
        **jobs.bind_channels(job.channels, takes, {"checkpoints": tree.checkpoints, "output": tree.output}),
        **jobs.bind_hyperparameters(job.hyperparameters, takes),
    }
    metrics = None
    stoppable = _Stoppable(getattr(model, "stop", None))
    try:
        with stoppable:
            metrics = model.train(**arguments)
    except Terminated:
        sys.stderr.write("SIGTERM: training ends here; saving what there is\n")
    if stoppable.was_stopped:
        boundary.exit_code = Terminated.EXIT_CODE
    if job.rank == 0:
        model.save(tree.model)
        _check_saved(tree.model)
    for name, value in numbers(metrics or {}, "Model.train").items():
        sys.stdout.write(f"{name}={value!r}\n")
    return model


class _Stoppable:
    """While the block runs, SIGTERM asks the model to stop, or raises `Terminated`; afterwards it only takes note.

    Saving must not be cut short: a half-written model is worse than SageMaker's SIGKILL, which cannot come earlier.
    """

    def __init__(self, stop: Callable[[], object] | None) -> None:
        self._stop = stop
        self._is_training = True
        self.was_stopped = False

    def __enter__(self) -> None:
        signal.signal(signal.SIGTERM, self._on_term)
        signal.signal(signal.SIGALRM, self._on_alarm)

    def __exit__(self, *_error: object) -> None:
        self._is_training = False
        signal.alarm(0)

    def _on_term(self, _number: int, _frame: FrameType | None) -> None:
        if not self._is_training or self.was_stopped:
            return
        self.was_stopped = True
        if self._stop is None:
            raise Terminated
        signal.alarm(STOP_GRACE)
        self._stop()

    def _on_alarm(self, _number: int, _frame: FrameType | None) -> None:
        if self._is_training:
            raise Terminated


def _check_saved(directory: Path) -> None:
    files = list(directory.rglob("*"))
    if not files:
        raise ModelOutputError(f"Model.save wrote nothing into {directory}")
    for file in files:
        if file.is_symlink():
            raise ModelOutputError(
                f"Model.save wrote a link, {file.relative_to(directory)}: SageMaker hosting takes none"
            )
