"""What the runner would make of the output of a step: the model that hostile text is tried against."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.github_report import Annotation, Command, read_annotation
from tests.support.harness import node

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True, kw_only=True)
class Reading:
    """`commands` were obeyed, stop-commands included; the token that ends it is none."""

    commands: Sequence[Command]
    annotations: Sequence[Annotation]
    outputs: Mapping[str, str]
    log: str


def read_outputs(texts: Sequence[str]) -> list[Reading]:
    """Each text as the whole output of a step of its own; a hundred thousand at once are no trouble."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "texts.json")
        file.write_text(json.dumps(list(texts)))
        found = node("read.mjs", str(file))
    return [
        Reading(
            commands=[Command(**command) for command in each["commands"]],
            annotations=[read_annotation(annotation) for annotation in each["annotations"]],
            outputs=each["outputs"],
            log=each["log"],
        )
        for each in found
    ]
