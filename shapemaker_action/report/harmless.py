"""Foreign text made harmless: no line of it can be read as a workflow command or move the cursor of a terminal."""

from __future__ import annotations

from shapemaker_action import lazy

# C0 without tab, DEL, C1, the controls that turn the direction of text around, and halves of characters (no stream
# takes them).
_CONTROL = lazy.pattern("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_ANSI = lazy.pattern(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\^_])")
_BREAK = lazy.pattern(r"\r\n|[\r\n\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
_GAP = "\u200b"
LONGEST = 4096


def lines(text: str) -> list[str]:
    """The lines of a foreign text, each harmless: a carriage return starts a line of its own, like any line break."""
    # Nearly every text is plain: there nothing has to be searched for.
    broken = text.split("\n") if text.replace("\n", "").isprintable() else _BREAK.split(text)
    return [_line(line) for line in broken] if text else []


def text(foreign: str) -> str:
    """A whole text, its line breaks kept."""
    return "\n".join(lines(foreign))


def _line(line: str) -> str:
    plain = line if line.isprintable() else _CONTROL.sub("", _ANSI.sub("", line))
    if len(plain) > LONGEST:
        plain = f"{plain[:LONGEST]}… ({len(plain) - LONGEST} more characters)"
    # The old command form is recognised anywhere in a line, the new one only at its start (after blanks of any kind).
    plain = plain.replace("##[", f"#{_GAP}#[")
    return f"{_GAP}{plain}" if plain.lstrip().startswith("::") else plain
