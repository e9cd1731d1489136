"""The training and evaluation jobs: instances, times, hyperparameters, metrics, scripts."""

from __future__ import annotations

import re
import warnings

from shapemaker_action.config import aws_facts, environment_rules, services, words
from shapemaker_action.config.build_rules import existing_file
from shapemaker_action.config.node import quoted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from shapemaker_action.config.node import KeyPath
    from shapemaker_action.config.project import Project
    from shapemaker_action.config.source import Source
    from shapemaker_action.diagnostics import Diagnostic

_MANY_INSTANCES = 20
_TUNING_PARAMETER = "_tuning_objective_metric"


def check(project: Project, source: Source) -> Iterator[Diagnostic]:
    """Everything about the jobs but their data."""
    yield from instance(("train", "instance"), project.train.instance, "training", source)
    yield from instance_count(("train", "instance_count"), project.train.instance_count, source)
    if project.evaluate.enabled and source.is_written("evaluate", "instance"):
        yield from instance(("evaluate", "instance"), project.evaluate.instance, "processing", source)
    elif project.evaluate.enabled:
        yield from _borrowed_instance(project, source)
    yield from _spot(project, source)
    yield from _hyperparameters(project, source)
    yield from _metrics(project, source)
    for section, script in (("train", project.train.entrypoint), ("evaluate", project.evaluate.entrypoint)):
        yield from _entrypoint((section, "entrypoint"), script, source)
    yield from environment_rules.check(
        ("train", "environment"), project.train.environment, environment_rules.TRAINING, source
    )
    yield from environment_rules.check(
        ("evaluate", "environment"), project.evaluate.environment, environment_rules.PROCESSING, source
    )


def instance(path: KeyPath, name: str, use: aws_facts.Use, source: Source) -> Iterator[Diagnostic]:
    """A finding unless SageMaker offers this instance type for this use."""
    if not name and source.is_written(*path):
        yield source.error(path, f"expected an instance type for {use}; got an empty string")
    if not name or name in aws_facts.instance_types(use):
        return
    others = aws_facts.uses_of(name)
    close = words.nearest(name if name.startswith("ml.") else f"ml.{name}", aws_facts.instance_types(use))
    if others:
        arm = ", with an Arm (Graviton) processor," if aws_facts.is_arm(name) else ""
        yield source.error(
            path,
            f"{quoted(name)}{arm} is offered for {words.together(others)}, not for {use}",
            f"for example {close}" if close else "",
        )
    else:
        yield source.error(
            path,
            f"expected an instance type for {use}; got {quoted(name)}",
            _instance_hint(name, close),
        )


def _instance_hint(name: str, close: str) -> str:
    if name.startswith("local"):
        return "where to work is said on the command line: --target local"
    return f"did you mean {close}?" if close else "a type newer than the installed botocore needs its upgrade"


def instance_count(path: KeyPath, count: int, source: Source) -> Iterator[Diagnostic]:
    """A warning for a number that is likely a slip, and expensive."""
    if count > _MANY_INSTANCES:
        yield source.warning(path, f"{count} instances are billed together, and need a quota of that many")


def _borrowed_instance(project: Project, source: Source) -> Iterator[Diagnostic]:
    """The evaluation uses the training's instance type, which must then be of both kinds."""
    name = project.train.instance
    if "training" in aws_facts.uses_of(name) and name not in aws_facts.instance_types("processing"):
        yield source.key_error(
            ("evaluate", "instance"),
            f"the evaluation would use train.instance, but {quoted(name)} is not offered for processing",
            "for example evaluate: {instance: ml.m5.large}",
        )


def _spot(project: Project, source: Source) -> Iterator[Diagnostic]:
    train = project.train
    if not all(source.is_sound("train", key) for key in ("spot", "max_wait", "max_runtime")):
        return
    if not train.spot:
        if train.max_wait:
            yield source.error(
                ("train", "max_wait"), "only spot training waits", "write spot: true, or remove max_wait"
            )
        return
    if train.max_wait < train.max_runtime:
        yield source.error(
            ("train", "max_wait"),
            f"expected at least max_runtime, {train.max_runtime} s (it counts waiting and running together); "
            f"got {train.max_wait}",
        )
    if not source.is_written("train", "checkpoints"):
        yield source.error(
            ("train", "spot"),
            "a spot instance may be taken away, and without checkpoints the training starts again from nothing",
            "write checkpoints: true when the code saves to /opt/ml/checkpoints, or checkpoints: false to accept that",
        )


def _hyperparameters(project: Project, source: Source) -> Iterator[Diagnostic]:
    path, values = ("train", "hyperparameters"), dict(project.train.hyperparameters)
    for name in values:
        if is_reserved(name):
            yield source.key_error(
                (*path, name), "names like this are SageMaker's; it would not reach the training code"
            )
    body = {"HyperParameters": values}
    for violation in services.brief("sagemaker").check("CreateTrainingJob", body, partial=True):
        entry, value = violation.path[-1], str(violation.value)
        place = (*path, entry)
        if len(violation.path) == 1:
            yield source.key_error(path, f"has {len(values)} entries; SageMaker takes {violation.expected}")
        elif violation.kind == "pattern":
            yield source.error(place, "must not contain a line end", "pass the name of a file in a channel instead")
        elif value == entry:
            yield source.key_error(place, f"the name has {len(value)} characters; SageMaker takes {violation.expected}")
        else:
            yield source.error(
                place,
                f"is {len(value)} characters long as text; SageMaker takes {violation.expected}",
                "pass the name of a file in a channel instead",
            )


def is_reserved(name: str) -> bool:
    """Whether a hyperparameter is SageMaker's own, which the runtime in the image drops."""
    return name == _TUNING_PARAMETER or name.startswith("sagemaker_")


def _metrics(project: Project, source: Source) -> Iterator[Diagnostic]:
    path, metrics = ("train", "metrics"), project.train.metrics
    for metric in metrics:
        yield from _regex((*path, metric.name), metric.regex, source)
    definitions = [{"Name": metric.name, "Regex": metric.regex} for metric in metrics]
    body = {"AlgorithmSpecification": {"TrainingInputMode": "File", "MetricDefinitions": definitions}}
    for violation in services.brief("sagemaker").check("CreateTrainingJob", body, partial=True):
        *_, index, field = violation.path
        if not isinstance(index, int):
            yield source.key_error(path, f"has {len(metrics)} metrics; SageMaker takes {violation.expected}")
        elif violation.kind == "length" and violation.value:
            part, place = ("regex", source.error) if field == "Regex" else ("name", source.key_error)
            length = len(str(violation.value))
            message = f"the {part} has {length} characters; SageMaker takes {violation.expected}"
            yield place((*path, metrics[index].name), message)


def _regex(path: KeyPath, regex: str, source: Source) -> Iterator[Diagnostic]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            pattern = re.compile(regex)
    except (re.error, RecursionError, OverflowError) as error:
        yield source.error(path, f"is no regular expression: {error}")
        return
    if pattern.groups == 0:
        yield source.error(
            path,
            f"the regular expression has no group; SageMaker takes the number from the first one; got {quoted(regex)}",
            f"for example {path[-1]}=([0-9.eE+-]+)",
        )


def _entrypoint(path: KeyPath, script: str, source: Source) -> Iterator[Diagnostic]:
    if not script:
        return
    if ":" in script and not script.endswith(".py"):
        yield source.error(path, f"expected a Python script such as train.py; got {quoted(script)}")
    elif not script.endswith(".py"):
        yield source.error(path, f"expected a Python script (.py); got {quoted(script)}")
    else:
        yield from existing_file(path, script, source, "Python script")
