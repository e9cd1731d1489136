#!/usr/bin/env python3
"""What a release needs: `notes TAG` prints its part of the changelog, `pin COMMIT TAG` fills the templates' pin."""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TAG = re.compile(r"v(\d+\.\d+\.\d+)")


def notes(tag: str, root: Path = ROOT) -> str:
    """The changelog's section of a tag; exits where tag, version and changelog do not agree."""
    version = version_of(tag)
    source = (root / "shapemaker_action" / "__init__.py").read_text(encoding="utf-8")
    if f'__version__ = "{version}"\n' not in source:
        sys.exit(
            f"{tag} is not the version in shapemaker_action/__init__.py: set it there, commit, and tag that commit"
        )
    changelog = (root / "CHANGELOG.md").read_text(encoding="utf-8")
    found = re.search(
        rf"^## \[{re.escape(version)}\] - \d{{4}}-\d\d-\d\d\n(.*?)(?=^## \[|\Z)", changelog, re.MULTILINE | re.DOTALL
    )
    if not found or not found[1].strip():
        sys.exit(f"CHANGELOG.md has no section '## [{version}] - YYYY-MM-DD': rename Unreleased, commit, and tag that")
    return found[1].strip() + "\n"


def pin(commit: str, tag: str, root: Path = ROOT) -> None:
    """Every workflow that users copy uses the action at this commit; exits where there is nothing to fill."""
    version_of(tag)
    if not re.fullmatch("[0-9a-f]{40}", commit):
        sys.exit(f"{commit!r} is no commit: expected 40 hexadecimal digits")
    folder = root / "templates" / "workflows"
    before, after = (folder / "pin").read_text(encoding="utf-8").strip(), f"@{commit} # {tag}"
    files = [folder / "pin", *folder.rglob("*.yml")]
    without = [path.name for path in files if before not in path.read_text(encoding="utf-8")]
    if without:
        sys.exit(f"without the pin {before!r}: {', '.join(sorted(without))}")
    for path in files:
        path.write_text(path.read_text(encoding="utf-8").replace(before, after), encoding="utf-8")


def version_of(tag: str) -> str:
    """The version that a tag names."""
    found = TAG.fullmatch(tag)
    if not found:
        sys.exit(f"{tag!r} is no tag of a release: expected vX.Y.Z")
    return found[1]


def main(arguments: list[str]) -> int:
    """See the module's sentence."""
    match arguments:
        case ["notes", tag]:
            sys.stdout.write(notes(tag))
        case ["pin", commit, tag]:
            pin(commit, tag)
        case _:
            sys.exit("usage: release.py notes TAG | pin COMMIT TAG")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
