"""From a checked document to the `Project` that every other room reads: defaults filled in, names derived."""

from __future__ import annotations

import json

from shapemaker_action.config import paths, schema
from shapemaker_action.config.project import (
    AccelerateSettings,
    AwsSettings,
    BuildSettings,
    ChannelSettings,
    DeploySettings,
    EvaluateSettings,
    InvokeSettings,
    MetricSettings,
    Project,
    RequestSettings,
    SecretSource,
    ServeSettings,
    Threshold,
    TrainSettings,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import Any, TypeAlias

Values: TypeAlias = "schema.Schema"

CONTENT_TYPES = {
    ".json": "application/json",
    ".jsonl": "application/jsonlines",
    ".csv": "text/csv",
    ".txt": "text/plain",
    ".npy": "application/x-npy",
    ".parquet": "application/x-parquet",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
}


def complete(document: Values, *, root: Path, environment: str) -> Project:
    """The project of a document that the schema accepts (required keys may be missing: they become empty)."""
    values: Values = schema.filled(schema.load(), document)
    name = values["project"].get("name", "")
    train = _train(values["train"])
    return Project(
        name=name,
        environment=environment,
        model=values["model"],
        aws=_aws(values["aws"]),
        build=_build(values["build"]),
        train=train,
        evaluate=_evaluate(values["evaluate"], train, exists="evaluate" in document),
        serve=_serve(values["serve"]),
        deploy=_deploy(values["deploy"], scope=f"{name}-{environment}" if environment else name),
        invoke=InvokeSettings(requests=tuple(_requests(values["invoke"]["requests"], root))),
    )


def hyperparameter(value: Any) -> str:
    """A value in the only form that SageMaker carries: text."""
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def _aws(values: Values) -> AwsSettings:
    return AwsSettings(**{"region": "", **values})


def _build(values: Values) -> BuildSettings:
    given = values["dockerfile"]
    each = {"training": given, "inference": given} if isinstance(given, str) else given
    return BuildSettings(
        framework=values["framework"],
        templates=values["templates"],
        python=values["python"],
        base_image=values["base_image"],
        requirements=values["requirements"],
        include=tuple(values["include"]),
        exclude=tuple(values["exclude"]),
        packages=tuple(values["packages"]),
        training_dockerfile=each["training"],
        inference_dockerfile=each["inference"],
        args=values["args"],
        secrets={name: SecretSource(**source) for name, source in values["secrets"].items()},
        engine=values["engine"],
    )


def _channels(values: Values) -> dict[str, ChannelSettings]:
    details = schema.definition("channel_details")
    long = {name: {"source": each} if isinstance(each, str) else each for name, each in values.items()}
    return {name: ChannelSettings(**{"source": "", **schema.filled(details, each)}) for name, each in long.items()}


def _train(values: Values) -> TrainSettings:
    max_runtime, max_wait = int(values["max_runtime"]), int(values["max_wait"])
    return TrainSettings(
        entrypoint=values["entrypoint"],
        hyperparameters={name: hyperparameter(value) for name, value in values["hyperparameters"].items()},
        channels=_channels(values["channels"]),
        instance=values["instance"],
        instance_count=int(values["instance_count"]),
        volume_gb=int(values["volume_gb"]),
        max_runtime=max_runtime,
        spot=values["spot"],
        max_wait=max_wait or (2 * max_runtime if values["spot"] else 0),
        checkpoints=values["checkpoints"],
        metrics=tuple(MetricSettings(name=name, regex=regex) for name, regex in values["metrics"].items()),
        environment=values["environment"],
        api=values["api"],
    )


def _evaluate(values: Values, train: TrainSettings, *, exists: bool) -> EvaluateSettings:
    return EvaluateSettings(
        enabled=exists and values["enabled"],
        entrypoint=values["entrypoint"],
        channels=_channels(values["channels"]),
        thresholds=tuple(_threshold(metric, bounds) for metric, bounds in values["thresholds"].items()),
        instance=values["instance"] or train.instance,
        volume_gb=int(values["volume_gb"]),
        max_runtime=int(values["max_runtime"]),
        environment=values["environment"],
        api=values["api"],
    )


def _threshold(metric: str, bounds: Values) -> Threshold:
    return Threshold(
        metric=metric,
        min=bounds.get("min"),
        max=bounds.get("max"),
        max_regression=bounds.get("max_regression"),
    )


def _serve(values: Values) -> ServeSettings:
    given = values["accelerate"]
    each = {"by": given} if isinstance(given, str) else given
    accelerate = AccelerateSettings(**{"by": "none", "attribute": "", "tolerance": None, "fallback": False, **each})
    return ServeSettings(**{**values, "accelerate": accelerate})


def _deploy(values: Values, *, scope: str) -> DeploySettings:
    return DeploySettings(**{**values, "endpoint": values["endpoint"] or scope})


def _requests(values: list[Any], root: Path) -> Iterator[RequestSettings]:
    details = schema.definition("request_details")
    for value in values:
        request = schema.filled(details, {"file": value} if isinstance(value, str) else value)
        for file in paths.matching(root, request.get("file", "")):
            yield RequestSettings(
                file=file,
                content_type=request["content_type"] or content_type(file),
                accept=request["accept"],
                target_model=request["target_model"],
                expect=request.get("expect"),
            )


def content_type(file: str) -> str:
    """By the extension; empty for one that tells nothing."""
    return CONTENT_TYPES.get(f".{file.rpartition('.')[2].lower()}", "")
