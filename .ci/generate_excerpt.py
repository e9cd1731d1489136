#!/usr/bin/env python3
"""Write config/service_excerpt.json: what a configuration asks of botocore's descriptions; --check only compares."""

from __future__ import annotations

import json
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any, cast

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from shapemaker_action import service_model  # noqa: E402 - needs the path above

FILE = ROOT / "shapemaker_action" / "config" / "service_excerpt.json"

WANTED: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "ecr": (("CreateRepository",), ()),
    "sagemaker": (
        (
            "AddTags",
            "CreateEndpoint",
            "CreateEndpointConfig",
            "CreateModel",
            "CreateProcessingJob",
            "CreateTrainingJob",
            "UpdateEndpoint",
        ),
        ("ProcessingInstanceType", "ProductionVariantInstanceType", "RoleArn", "TrainingInstanceType"),
    ),
    "sagemaker-runtime": ((), ("BodyBlob",)),
}
"""Operations and shapes that config/ asks for."""


RULES = ("type", "required", "union", "enum", "pattern", "min", "max")
REFERENCES = ("member", "key", "value")


def text() -> str:
    """The file, a shape a line."""
    parts = [f"{json.dumps(service)}: {{{_service(service)}}}" for service in WANTED]
    listed = ",\n".join(parts)
    return f'{{"botocore": {json.dumps(version("botocore"))}, "services": {{\n{listed}\n}}}}\n'


def _service(service: str) -> str:
    model = service_model.load(service)
    operations, shapes = WANTED[service]
    inputs = {name: {"input": {"shape": model.input_shape(name)}} for name in operations}
    found: dict[str, dict[str, object]] = {}
    wanted = [*shapes, *map(model.input_shape, operations)]
    while wanted:
        name = wanted.pop()
        if name not in found:
            shape = cast("dict[str, Any]", model.shape(name))
            members = {member: each["shape"] for member, each in shape.get("members", {}).items()}
            elements = {part: shape[part]["shape"] for part in REFERENCES if part in shape}
            found[name] = {rule: shape[rule] for rule in RULES if rule in shape}
            found[name] |= {"members": _references(members)} if "members" in shape else {}
            found[name] |= _references(elements)
            wanted += [*members.values(), *elements.values()]
    lines = ",\n".join(f"{json.dumps(name)}:{_compact(found[name])}" for name in sorted(found))
    return f'"operations": {_compact(inputs)}, "shapes": {{\n{lines}}}'


def _references(names: dict[str, str]) -> dict[str, object]:
    return {name: {"shape": shape} for name, shape in names.items()}


def _compact(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))


if __name__ == "__main__":
    if "--check" in sys.argv:
        sys.exit(FILE.read_text(encoding="utf-8") != text())
    FILE.write_text(text(), encoding="utf-8")
