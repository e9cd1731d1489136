"""Facts about AWS out of botocore's data: partitions, regions, instance types."""

from __future__ import annotations

import functools
import json

from shapemaker_action import lazy, service_model
from shapemaker_action.config import services
from shapemaker_action.record import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Literal, TypeAlias

Use: TypeAlias = "Literal['training', 'processing', 'hosting']"

_SHAPES: dict[Use, str] = {
    "training": "TrainingInstanceType",
    "processing": "ProcessingInstanceType",
    "hosting": "ProductionVariantInstanceType",
}
_ARM = lazy.pattern(r"ml\.[a-z]+[0-9]+g[a-z]*\.")
BUCKET = lazy.pattern(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_ADDRESS = lazy.pattern(r"[0-9]+(\.[0-9]+){3}")
_RESERVED_BUCKETS = lazy.pattern(r"(xn--|sthree-|amzn-s3-demo-).*|.*(-s3alias|--ol-s3|--x-s3|\.mrap|--table-s3)")


@dataclass(frozen=True, kw_only=True)
class Partition:
    """`aws`, `aws-cn`, … with its regions."""

    name: str
    regions: frozenset[str]


@functools.cache
def partitions() -> tuple[Partition, ...]:
    """All that botocore knows."""
    path = service_model.data_directory() / "partitions.json"
    data: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return tuple(
        Partition(name=each["id"], regions=frozenset(name for name in each["regions"] if not name.endswith("-global")))
        for each in data["partitions"]
    )


def regions() -> list[str]:
    """Every region of every partition."""
    return sorted(region for partition in partitions() for region in partition.regions)


def partition_of(region: str) -> str:
    """The partition of a region; empty for one that is not known."""
    return next((each.name for each in partitions() if region in each.regions), "")


def instance_types(use: Use) -> tuple[str, ...]:
    """What SageMaker offers for a use."""
    return tuple(services.brief("sagemaker").shape(_SHAPES[use]).get("enum", ()))


def uses_of(instance: str) -> tuple[Use, ...]:
    """What an instance type can be used for."""
    return tuple(use for use in _SHAPES if instance in instance_types(use))


def is_arm(instance: str) -> bool:
    """Whether it is a Graviton type: an Arm processor, which runs no x86 image."""
    return _ARM.match(instance) is not None


def bucket_fault(name: str) -> str:
    """Why this is no bucket name, as a phrase after it; empty for a good one."""
    if not BUCKET.fullmatch(name):
        return "is no bucket name: 3 to 63 lower-case letters, digits, dots and hyphens"
    if ".." in name or _ADDRESS.fullmatch(name):
        return "is no bucket name: it must not look like an IP address or have two dots in a row"
    if _RESERVED_BUCKETS.fullmatch(name):
        return "is a name that AWS reserves"
    return ""
