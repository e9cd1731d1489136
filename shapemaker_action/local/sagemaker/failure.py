"""The FailureReason of a job, in the platform's words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shapemaker_action.local.sagemaker.hosts import UNKNOWN

if TYPE_CHECKING:
    from pathlib import Path

    from shapemaker_action.containers.engine import ContainerSpec
    from shapemaker_action.errors import ImageContractError
    from shapemaker_action.local.sagemaker.hosts import Exit

LIMIT = 1024
KILLED = 137
CANNOT_PULL = "Cannot pull algorithm container. Either the image does not exist or its permissions are incorrect."
NO_IMAGE = f"ClientError: {CANNOT_PULL}"
INTERNAL = "InternalServerError: We encountered an internal error. Please try again."
OUT_OF_MEMORY = (
    "ClientError: Please use an instance type with more memory, or reduce the size of job data processed on an "
    "instance."
)


class CannotStartError(Exception):
    """The image has no such program, or none that runs here; the text is the FailureReason."""

    def __init__(self, spec: ContainerSpec, error: ImageContractError) -> None:
        option = ["--entrypoint", spec.entrypoint[0]] if spec.entrypoint else []
        command = " ".join(["docker run", *option, spec.image, *spec.entrypoint[1:], *spec.command])
        why = f" ({' '.join(error.details)})" if error.details else ""
        super().__init__(
            "AlgorithmError: CannotStartContainerError. Please make sure the container can be run with "
            f"'{command}'.{why}"
        )


def of_exit(ended: Exit, file: Path) -> str:
    """Why a container that ended with this code failed. `file` is where it may have left its reason."""
    if ended.code == UNKNOWN:
        return INTERNAL
    if ended.out_of_memory or ended.code == KILLED:
        return OUT_OF_MEMORY
    head, tail = "AlgorithmError: ", f", exit code: {ended.code}"
    return f"{head}{_text(file)[: LIMIT - len(head) - len(tail)]}{tail}"


def _text(file: Path) -> str:
    try:
        with file.open("rb") as source:
            return source.read(4 * LIMIT).decode("utf-8", "replace").strip()[:LIMIT]
    except OSError:
        return ""
