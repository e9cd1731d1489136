"""Environment variables of the jobs and the model: AWS's limits, and names that must be left alone."""

from __future__ import annotations

import re

from shapemaker_action import lazy
from shapemaker_action.config import services
from shapemaker_action.record import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from shapemaker_action.config.node import KeyPath
    from shapemaker_action.config.source import Source
    from shapemaker_action.diagnostics import Diagnostic

_CREDENTIALS = frozenset({"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"})
_LOADER = frozenset({"LD_PRELOAD", "PATH", "PYTHONHOME", "PYTHONPATH", "PYTHONSTARTUP"})
_PLATFORM = lazy.pattern(
    r"(SAGEMAKER_|SM_|SHAPEMAKER_)\w*|TRAINING_JOB_(NAME|ARN)|AWS_(REGION|DEFAULT_REGION|CONTAINER_\w+)"
)
SECRET_NAME = lazy.pattern(
    r"(^|_)(SECRET|TOKEN|PASSWORD|PASSWD|PASSPHRASE|CREDENTIALS?|API_?KEY|ACCESS_?KEY|PRIVATE_?KEY|AUTH)(_|$)",
    re.IGNORECASE,
)
SECRET_VALUE = lazy.pattern(
    r"\b(AKIA|ASIA)[A-Z0-9]{16}\b|-----BEGIN [A-Z ]*PRIVATE KEY-----|\bgh[pousr]_[A-Za-z0-9]{36}"
)


@dataclass(frozen=True, kw_only=True)
class Carrier:
    """The request that takes the variables to AWS."""

    operation: str
    noun: str
    total: int = 0
    """Bytes of all names and values together; 0 for no such limit."""


TRAINING = Carrier(operation="CreateTrainingJob", noun="training job")
PROCESSING = Carrier(operation="CreateProcessingJob", noun="processing job")
MODEL = Carrier(operation="CreateModel", noun="model", total=32 * 1024)


def check(path: KeyPath, variables: Mapping[str, str], carrier: Carrier, source: Source) -> Iterator[Diagnostic]:
    """Everything about one `environment` mapping."""
    yield from _limits(path, variables, carrier, source)
    size = sum(len(f"{name}{value}".encode()) for name, value in variables.items())
    if carrier.total and size > carrier.total:
        yield source.key_error(path, f"has {size} bytes; a {carrier.noun} takes at most {carrier.total}")
    for name, value in variables.items():
        yield from _name((*path, name), name, source)
        if SECRET_VALUE.search(value):
            yield source.error(
                (*path, name),
                "holds what looks like a credential; everybody who may describe the job would see it",
                "revoke it, give the role what is needed, or read the value from Secrets Manager at run time",
            )


def _limits(path: KeyPath, variables: Mapping[str, str], carrier: Carrier, source: Source) -> Iterator[Diagnostic]:
    variables = dict(variables)
    body: dict[str, object] = {"Environment": variables}
    if carrier.operation == "CreateModel":
        body = {"PrimaryContainer": {"Environment": variables}}
    for violation in services.brief("sagemaker").check(carrier.operation, body, partial=True):
        name = violation.path[-1]
        if name == "Environment":
            yield source.key_error(path, f"has {len(variables)} variables; a {carrier.noun} takes {violation.expected}")
        elif violation.kind == "pattern":
            yield source.key_error(
                (*path, name), "expected letters, digits and underscores, not beginning with a digit, as the name"
            )
        elif violation.value == name:
            yield source.key_error((*path, name), f"the name is too long; a {carrier.noun} takes {violation.expected}")
        else:
            length = len(str(violation.value))
            yield source.error(
                (*path, name), f"the value has {length} characters; a {carrier.noun} takes {violation.expected}"
            )


def _name(path: KeyPath, name: str, source: Source) -> Iterator[Diagnostic]:
    if name in _CREDENTIALS:
        yield source.key_error(
            path, "credentials do not belong into a container's environment", "the container has those of its role"
        )
    elif name in _LOADER:
        yield source.key_error(
            path,
            f"{name} would change how the container's own programs start",
            "install what is needed in the image instead",
        )
    elif _PLATFORM.fullmatch(name):
        yield source.warning(path, f"{name} is set by SageMaker or by shapemaker; this value replaces theirs")
    elif SECRET_NAME.search(name):
        yield source.warning(
            path,
            "looks like a secret; everybody who may describe the job can read it",
            "store it in Secrets Manager and pass its name",
        )
