"""`.envrc` as far as it is plain `export NAME=value` lines: read as a list, never run, and secrets never kept."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shapemaker_action.diagnostics import Position
from shapemaker_action.stages.migration import secret

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shapemaker_action.stages.migration.sheet import Sheet

FILE = ".envrc"

_ASSIGNMENT = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)=(.*)", re.DOTALL)
_REFERENCE = re.compile(r"\$(?:\{([A-Za-z_][A-Za-z0-9_]*)\}|([A-Za-z_][A-Za-z0-9_]*))")
_COMMAND = re.compile(r"\$\(|`")
_HARMLESS = re.compile(r"(source_up|strict_env|set\s)\b.*")


@dataclass(frozen=True, kw_only=True)
class Variable:
    """A value with the names in it replaced."""

    value: str
    place: Position


@dataclass(frozen=True, kw_only=True)
class Variables:
    """What `.envrc` says; `withheld` are names whose values were not kept."""

    known: Mapping[str, Variable]
    withheld: frozenset[str] = frozenset()

    def get(self, name: str) -> str:
        """The value; empty for what is not there."""
        return self.known[name].value if name in self.known else ""

    def place(self, name: str) -> Position:
        """Where it stands, or the file's beginning."""
        return self.known[name].place if name in self.known else Position(file=FILE)

    def substitute(self, text: str) -> str:
        """As envsubst does with the names that are known; others stay as they are written."""

        def value(match: re.Match[str]) -> str:
            name = match[1] or match[2]
            return self.known[name].value if name in self.known else match[0]

        return _REFERENCE.sub(value, text)

    def unresolved(self, text: str) -> list[str]:
        """Names that nothing has replaced: in braces, or known to be secret. A lone `$x` may be anything."""
        return [match[1] or match[2] for match in _REFERENCE.finditer(text) if match[1] or match[2] in self.withheld]


def read(text: str, sheet: Sheet) -> Variables:
    """The variables. Lines that are something else go to the sheet, by number and without what they hold."""
    known: dict[str, Variable] = {}
    withheld: set[str] = set()
    for number, line in enumerate(text.splitlines(), start=1):
        place = Position(file=FILE, line=number)
        for name, raw in _assignments(line, place, sheet):
            # What it is made of may be a secret, too.
            referenced = {match[1] or match[2] for match in _REFERENCE.finditer(raw)}
            value = Variables(known=known).substitute(raw)
            if secret.suspected(name, value) or referenced & withheld:
                withheld.add(name)
                known.pop(name, None)
                sheet.leave(
                    place, f"{name}, which may be a secret, was not read", "give CI a role (OIDC), code a secret store"
                )
            elif _REFERENCE.search(value):
                sheet.leave(
                    place, f"{name} is made of variables that this file does not set", "write it out, or do without"
                )
            else:
                known[name] = Variable(value=value, place=place)
    return Variables(known=known, withheld=frozenset(withheld))


def _assignments(line: str, place: Position, sheet: Sheet) -> list[tuple[str, str]]:
    stripped = line.strip()
    if not stripped or stripped.startswith("#") or _HARMLESS.fullmatch(stripped):
        return []
    if _COMMAND.search(stripped):
        sheet.leave(place, "the output of a command was not read: nothing of .envrc is run", "write the value out")
        return []
    try:
        words = shlex.split(stripped, comments=True)
    except ValueError:
        sheet.reject(place, "a quotation mark is not closed", "values of this file stand without quotation marks")
        return []
    found = [_ASSIGNMENT.fullmatch(word) for word in words if word != "export"]
    if not all(found):
        sheet.leave(place, "a line that is no export NAME=value was not read", "if it sets something, write it out")
    return [(match[1], match[2]) for match in found if match]
