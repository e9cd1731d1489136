"""What GitHub's own parser and language service find in YAML files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.support.harness import ROOT, node

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One complaint; `by` is parser or languageservice. The parser has its lines in the message."""

    path: str
    line: int
    message: str
    by: str


def lint(*paths: Path) -> list[Finding]:
    """Everything that is wrong with workflows and actions; a file is an action if it is called action.yml."""
    named = [f"{path.name if path.name == 'action.yml' else f'.github/workflows/{path.name}'}={path}" for path in paths]
    return [Finding(**each) for each in node("lint.mjs", str(ROOT), *named)]
