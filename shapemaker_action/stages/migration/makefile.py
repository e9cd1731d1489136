"""The old make targets, calling the new stages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shapemaker_action.assets import templates

if TYPE_CHECKING:
    from shapemaker_action.stages.migration.folder import Folder

NAME = "Makefile"
BESIDE = "Makefile.shapemaker"
"""Where the project has a Makefile of its own, as every one of the template does."""


def read(folder: Folder) -> dict[str, str]:
    """Its text under the name that is free."""
    name = BESIDE if (folder.root / NAME).exists() else NAME
    text = (templates() / "migration" / NAME).read_text(encoding="utf-8")
    return {name: text.replace("@file@", name)}
