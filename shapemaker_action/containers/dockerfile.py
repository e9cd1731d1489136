"""A Dockerfile as a list of instructions with their lines: enough to name stages and to lint, no more."""

from __future__ import annotations

import re
from dataclasses import dataclass

_ESCAPE = re.compile(r"#\s*escape\s*=\s*(\S)\s*", re.IGNORECASE)
_DIRECTIVE = re.compile(r"#\s*\w+\s*=.*")
_HEREDOC = re.compile(r"<<-?\s*(['\"]?)(\w+)\1")


@dataclass(frozen=True, kw_only=True)
class Instruction:
    """One instruction; `word` in capitals, `rest` with its continuation lines joined by blanks."""

    line: int
    word: str
    rest: str


@dataclass(frozen=True, kw_only=True)
class Stage:
    """From one FROM to the next. `name` is empty when it has none, `image` may be an earlier stage's name."""

    name: str
    image: str
    instructions: tuple[Instruction, ...]
    """Its FROM included."""


def parse(text: str) -> list[Instruction]:
    """The instructions in order; comments, blank lines and the bodies of here-documents are left out."""
    escape = _escape(text)
    instructions: list[Instruction] = []
    numbered = iter(enumerate(text.splitlines(), start=1))
    for number, line in numbered:
        if _is_void(line):
            continue
        joined = line.strip()
        while joined.endswith(escape):
            # Comments and, in spite of a warning, blank lines do not end a continued instruction.
            following = next((each.strip() for _, each in numbered if not _is_void(each)), "")
            joined = f"{joined[:-1].rstrip()} {following}".rstrip()
        word, _, rest = joined.partition(" ")
        instructions.append(Instruction(line=number, word=word.upper(), rest=rest.strip()))
        for _, end in _HEREDOC.findall(rest) if word.upper() in ("RUN", "COPY", "ADD") else ():
            next((body for _, body in numbered if body.strip() == end), None)
    return instructions


def _is_void(line: str) -> bool:
    return not line.strip() or line.lstrip().startswith("#")


def stages(text: str) -> list[Stage]:
    """The build stages in order; instructions before the first FROM (global ARGs) belong to none."""
    found: list[list[Instruction]] = []
    for instruction in parse(text):
        if instruction.word == "FROM":
            found.append([])
        if found:
            found[-1].append(instruction)
    return [_stage(tuple(instructions)) for instructions in found]


def _stage(instructions: tuple[Instruction, ...]) -> Stage:
    words = [word for word in instructions[0].rest.split() if not word.startswith("--")]
    named = len(words) > 2 and words[1].upper() == "AS"  # noqa: PLR2004 - FROM image AS name
    return Stage(name=words[2] if named else "", image=words[0] if words else "", instructions=instructions)


def _escape(text: str) -> str:
    """The line-continuation character: a parser directive at the very top may change it."""
    for line in text.splitlines():
        if not _DIRECTIVE.fullmatch(line.strip()):
            return "\\"
        if match := _ESCAPE.fullmatch(line.strip()):
            return match.group(1)
    return "\\"
