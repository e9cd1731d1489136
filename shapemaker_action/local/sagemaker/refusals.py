"""The errors of the control plane in SageMaker's own words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from shapemaker_action.local.wire import ApiError
from shapemaker_action.service_model import Violation, aws_message

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from shapemaker_action.local.wire import Call

NOUNS = {"model": "model", "endpoint-config": "endpoint configuration", "endpoint": "endpoint"}

Honoured: TypeAlias = "Mapping[str, tuple[object, ...]]"
"""Member path (`OutputDataConfig.S3OutputPath`) to the values that are honoured."""
ANY: tuple[object, ...] = ()
"""Every value is honoured."""


def invalid(message: str) -> ApiError:
    """A ValidationException."""
    return ApiError("ValidationException", message)


def missing(*paths: str) -> ApiError:
    """The answer to members that the service model leaves optional and the service demands all the same."""
    return invalid(
        aws_message(
            [
                Violation(
                    path=tuple(path.split(".")),
                    kind="missing",
                    value=None,
                    constraint="Member must not be null",
                    expected="",
                )
                for path in paths
            ]
        )
    )


def not_found(kind: str, arn: str) -> ApiError:
    """For models, endpoint configurations and endpoints."""
    return invalid(f'Could not find {NOUNS[kind]} "{arn}".')


def already_exists(kind: str, arn: str) -> ApiError:
    """For models, endpoint configurations and endpoints."""
    return invalid(f'Cannot create already existing {NOUNS[kind]} "{arn}".')


def refuse_others(call: Call, honoured: Honoured) -> None:
    """Raise for members that the local SageMaker doesn't act on: ignoring one would let a wrong request pass here.

    Empty and false values ask for nothing and pass.
    """
    foreign = list(dict.fromkeys(_foreign(call.body, "", honoured)))
    if foreign:
        raise invalid(
            f"The local SageMaker does not honour {', '.join(foreign)} of {call.operation}. "
            "Leave it out, or set it only in an environment that is deployed to AWS."
        )


def _foreign(value: Any, path: str, honoured: Honoured) -> Iterator[str]:
    if value in (None, False, "", [], {}):
        return
    if path in honoured:
        if honoured[path] and value not in honoured[path]:
            yield f"{path}={value}"
        return
    inside = path == "" or any(known.startswith(f"{path}.") for known in honoured)
    if inside and isinstance(value, dict):
        for name, item in value.items():
            yield from _foreign(item, f"{path}.{name}".lstrip("."), honoured)
    elif inside and isinstance(value, list):
        for item in value:
            yield from _foreign(item, path, honoured)
    else:
        yield path
