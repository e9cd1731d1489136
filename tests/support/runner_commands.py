"""What GitHub's runner takes for a command, line by line and file by file; written from its documented behaviour."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

KNOWN = frozenset(
    {
        *("add-mask", "add-matcher", "add-path", "debug", "echo", "endgroup", "error", "group", "notice"),
        *("internal-set-repo-path", "remove-matcher", "save-state", "set-env", "set-output", "stop-commands"),
        "warning",
    }
)
# What .NET trims at the start of a line.
BLANK = "\t\n\x0b\x0c\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
BLANKS = re.compile(f"[{BLANK}]*")
# What a comparison by the rules of a language does not see: the runner's looks for `::` and `##[` are such.
UNSEEN = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\xad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]"
)


class BadFileError(Exception):
    """The runner fails the step because of an environment file."""


@dataclass(frozen=True)
class Command:
    name: str
    data: str
    properties: dict[str, str] = field(default_factory=dict)


@dataclass
class StepLog:
    """One step: what its output made the runner do, and what is shown."""

    commands: list[Command] = field(default_factory=list)
    shown: list[str] = field(default_factory=list)
    stopped_by: str = ""

    def read(self, text: str) -> StepLog:
        """Both streams, in the order in which they came."""
        for line in re.split(r"\r\n|\r|\n", text):
            self._line(line)
        return self

    def _line(self, line: str) -> None:
        command = parse(line, KNOWN | ({self.stopped_by.lower()} if self.stopped_by else set()))
        if command is None:
            self.shown.append(line)
        elif self.stopped_by:
            if command.name.lower() == self.stopped_by.lower():
                self.stopped_by = ""
        elif command.name.lower() == "stop-commands":
            self.stopped_by = command.data
            self.commands.append(command)
        else:
            self.commands.append(command)

    def named(self, *names: str) -> list[Command]:
        return [command for command in self.commands if command.name in names]


def parse(line: str, known: frozenset[str] | set[str] = KNOWN) -> Command | None:
    """The command that a line is. Both looks count: character by character, and blind to what cannot be seen."""
    for blind in (False, True):
        found = _new_form(line, known, blind=blind) or _old_form(line, known, blind=blind)
        if found:
            return found
    return None


def _new_form(line: str, known: frozenset[str] | set[str], *, blind: bool) -> Command | None:
    text = line[BLANKS.match(line).end() :]  # type: ignore[union-attr]
    start = UNSEEN.sub("", text) if blind else text
    if not start.startswith("::"):
        return None
    # Whatever it was that looked like two colons, two characters are skipped.
    end = text.find("::", 2)
    if end < 0:
        return None
    name, _, rest = text[2:end].partition(" ")
    if name.lower() not in known:
        return None
    return Command(name, _unescaped(text[end + 2 :]), _properties(rest, ","))


def _old_form(line: str, known: frozenset[str] | set[str], *, blind: bool) -> Command | None:
    unseen = UNSEEN.pattern + "*" if blind else ""
    match = re.search(f"#{unseen}#{unseen}\\[", line)
    close = line.find("]", match.start()) if match else -1
    if match is None or close < 0:
        return None
    name, _, rest = line[match.start() + 3 : close].partition(" ")
    if name.lower() not in known:
        return None
    return Command(name, _unescaped(line[close + 1 :]), _properties(rest, ";"))


def _properties(text: str, separator: str) -> dict[str, str]:
    pairs = [part.partition("=") for part in text.strip().split(separator) if part]
    return {name: _unescaped(value, more=True) for name, equals, value in pairs if equals}


def _unescaped(text: str, *, more: bool = False) -> str:
    codes = {"%0D": "\r", "%0A": "\n", **({"%3A": ":", "%2C": ","} if more else {})}
    for code, character in codes.items():
        text = text.replace(code, character)
    return text.replace("%25", "%")


def outputs(text: str) -> dict[str, str]:
    """GITHUB_OUTPUT as the runner reads it: lines end at LF alone."""
    found: dict[str, str] = {}
    lines = text.split("\n")
    at = 0
    while at < len(lines):
        line = lines[at]
        at += 1
        if not line:
            continue
        equals, heredoc = line.find("="), line.find("<<")
        if equals >= 0 and (heredoc < 0 or equals < heredoc):
            name, _, value = line.partition("=")
        elif heredoc >= 0:
            name, _, delimiter = line.partition("<<")
            if not name or not delimiter or delimiter not in lines[at:]:
                raise BadFileError(line)
            end = lines.index(delimiter, at)
            value = "\n".join(lines[at:end])
            at = end + 1
        else:
            raise BadFileError(line)
        found[name] = value
    return found
