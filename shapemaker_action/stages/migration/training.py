"""The request for a training job, as the `train` section."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from shapemaker_action.config.job_rules import is_reserved
from shapemaker_action.stages.migration import secret

if TYPE_CHECKING:
    from shapemaker_action.diagnostics import Position
    from shapemaker_action.naming import Json
    from shapemaker_action.stages.migration.documents import Document
    from shapemaker_action.stages.migration.sheet import Sheet

_SAME = {
    ("ResourceConfig", "InstanceType"): "instance",
    ("ResourceConfig", "InstanceCount"): "instance_count",
    ("ResourceConfig", "VolumeSizeInGB"): "volume_gb",
    ("StoppingCondition", "MaxRuntimeInSeconds"): "max_runtime",
}
_CHECKPOINTS = "/opt/ml/checkpoints"
_WHOLE = re.compile(r"0|-?[1-9][0-9]{0,14}")
_NUMBER = re.compile(r"[-+]?[0-9.]+(e[-+]?[0-9]+)?", re.IGNORECASE)
_PYTHON_WORDS = {"true": "True", "false": "False", "null": "None"}
"""What the toolkit in the template's training image made of a hyperparameter before it became an argument."""


def read(job: Document, sheet: Sheet) -> None:
    """Everything of CreateTrainingJob."""
    role(job, "RoleArn", sheet)
    _names(job, sheet)
    for path, key in _SAME.items():
        if (value := job.take(*path)) is not None:
            sheet.carry(("train", key), value, job.place(*path))
    _spot(job, sheet)
    _hyperparameters(job, sheet)
    _metrics(job, sheet)
    _channels(job, sheet)
    environment(job, ("Environment",), "train", sheet)
    _tags(job, sheet)
    for key, value, place in job.rest():
        sheet.carry(("train", "api", "CreateTrainingJob", key), value, place)


def _names(job: Document, sheet: Sheet) -> None:
    """What shapemaker derives: only a word about it where the project did not leave it to the template."""
    job.drop("TrainingJobName")
    name = sheet.value("project", "name")
    image = job.drop("AlgorithmSpecification", "TrainingImage")
    if not image.endswith(".training"):
        place = job.place("AlgorithmSpecification", "TrainingImage")
        sheet.leave(place, "a training image that this project does not build", "shapemaker builds one; see build")
    output = job.drop("OutputDataConfig", "S3OutputPath")
    if output not in ("", "${S3_OUTPUT_PATH}", "$S3_OUTPUT_PATH"):
        place = job.place("OutputDataConfig", "S3OutputPath")
        sheet.leave(place, "the place of the artifacts", f"they go below the prefix {name}/ of aws.bucket")


def _spot(job: Document, sheet: Sheet) -> None:
    place = job.place("EnableManagedSpotTraining")
    spot = job.take("EnableManagedSpotTraining")
    wait = job.take("StoppingCondition", "MaxWaitTimeInSeconds")
    uri, local = job.drop("CheckpointConfig", "S3Uri"), job.drop("CheckpointConfig", "LocalPath")
    where = job.place("CheckpointConfig")
    if spot is True and wait is not None:
        sheet.carry(("train", "max_wait"), wait, job.place("StoppingCondition", "MaxWaitTimeInSeconds"))
    if spot is not None and spot is not False:
        sheet.carry(("train", "spot"), spot, place)
    if uri:
        sheet.carry(("train", "checkpoints"), value=True, origin=where)
        sheet.leave(where, "the checkpoints that are there", "shapemaker keeps those of each job below aws.bucket")
    elif spot is True:
        # Said, because validate wants to know that nobody has merely forgotten it.
        sheet.carry(("train", "checkpoints"), value=False, origin=place)
    if local not in ("", _CHECKPOINTS):
        sheet.leave(where, "a local path for checkpoints", f"write them to {_CHECKPOINTS}")


def _hyperparameters(job: Document, sheet: Sheet) -> None:
    for name, text, place in job.pairs("HyperParameters"):
        if name == "sagemaker_program":
            sheet.carry(("train", "entrypoint"), text, place)
        elif is_reserved(name):
            sheet.leave(place, f"hyperparameter {name}, which was for the toolkit in the image", "nothing: it is gone")
        elif secret.suspected(name, text) and not _NUMBER.fullmatch(text):
            sheet.leave(place, f"hyperparameter {name}, which may be a secret", "read it from a secret store")
        else:
            sheet.carry(("train", "hyperparameters", name), _hyperparameter(text), place)
            if len(name) == 1:
                sheet.leave(place, f"the argument -{name}", f"train.py gets --{name} now: accept both")


def _hyperparameter(text: str) -> Json:
    """A whole number as one, which gives the same text; else the text that the script saw."""
    return int(text) if _WHOLE.fullmatch(text) else _PYTHON_WORDS.get(text, text)


def _metrics(job: Document, sheet: Sheet) -> None:
    base = ("AlgorithmSpecification", "MetricDefinitions")
    for index in range(job.count(*base)):
        place = job.place(*base, index)
        name, regex = job.take(*base, index, "Name"), job.take(*base, index, "Regex")
        if isinstance(name, str) and isinstance(regex, str):
            sheet.carry(("train", "metrics", name), regex, place)
        else:
            sheet.reject(place, "expected a metric with Name and Regex")


def _channels(job: Document, sheet: Sheet) -> None:
    mode = job.take("AlgorithmSpecification", "TrainingInputMode")
    for index in range(job.count("InputDataConfig")):
        base = ("InputDataConfig", index)
        place = job.place(*base)
        source = (*base, "DataSource", "S3DataSource")
        name, uri = job.take(*base, "ChannelName"), job.take(*source, "S3Uri")
        kind = job.drop(*source, "S3DataType") or "S3Prefix"
        if not isinstance(name, str):
            sheet.reject(place, "expected a channel with a ChannelName")
        elif not isinstance(uri, str) or kind != "S3Prefix":
            sheet.leave(place, f"channel {name}, whose data are no prefix in S3", "write train.channels yourself")
            job.drop(*base)
        else:
            settings: dict[str, Json] = {
                "source": uri,
                "content_type": job.take(*base, "ContentType"),
                "input_mode": job.take(*base, "InputMode") or mode,
                "distribution": job.take(*source, "S3DataDistributionType"),
            }
            _carry_channel(name, settings, place, sheet)
    for key in [key for key, _, _ in job.rest() if key == "InputDataConfig"]:
        sheet.leave(
            job.place(key), "some fields of channels", "there are source, content_type, input_mode, distribution"
        )
        job.drop(key)


def _carry_channel(name: str, settings: dict[str, Json], place: Position, sheet: Sheet) -> None:
    defaults = {"input_mode": "File", "distribution": "FullyReplicated"}
    said: dict[str, Json] = {k: value for k, value in settings.items() if value not in (None, defaults.get(k))}
    short = list(said) == ["source"]
    sheet.carry(("train", "channels", name), settings["source"] if short else said, place)


def role(request: Document, field: str, sheet: Sheet) -> None:
    """One for jobs and endpoint: that of `.envrc`, or the first that a request names."""
    given = request.take(field)
    known = sheet.value("aws", "role")
    if isinstance(given, str) and not known:
        sheet.carry(("aws", "role"), given, request.place(field))
    elif isinstance(given, str) and given != known:
        sheet.leave(request.place(field), "a role of its own", "shapemaker uses aws.role for jobs and endpoint")


def environment(request: Document, path: tuple[str, ...], section: str, sheet: Sheet) -> None:
    """Environment variables of a request, but for what may be a secret."""
    for name, text, place in request.pairs(*path):
        if secret.suspected(name, text):
            sheet.leave(place, f"variable {name}, which may be a secret", "read it from a secret store at run time")
        else:
            sheet.carry((section, "environment", name), text, place)


def _tags(job: Document, sheet: Sheet) -> None:
    for index in range(job.count("Tags")):
        place = job.place("Tags", index)
        key, value = job.take("Tags", index, "Key"), job.take("Tags", index, "Value")
        if isinstance(key, str) and isinstance(value, str):
            sheet.carry(("aws", "tags", key), value, place)
        else:
            sheet.reject(place, "expected a tag with Key and Value")
