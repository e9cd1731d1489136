"""What container engines say while they build and push, without what nobody reads."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_CHATTER = re.compile(
    r"""\s*
    |(?:[0-9a-f]{12}:\ )(?:Preparing|Waiting|Layer\ already\ exists|Pushing\b.*)  # docker push, layer by layer
    |Getting\ image\ source\ signatures|Storing\ signatures                       # podman push
    |Copying\ (?:blob|config)\b.*|Writing\ manifest\b.*
    |\#\d+\ (?:
        \.\.\.|CACHED|DONE\b.*|sha256:.*                      # BuildKit: a step's end, a layer's bytes
        |\[internal\].*|(?:transferring|resolve|extracting|exporting|writing|naming)\b.*
        |\d+\.\d+\s*                                          # an empty line of a RUN
    )
    """,
    re.VERBOSE,
)

_STEP = re.compile(r"#\d+ \[")
_WIDTH = 150
"""Characters of a step that are shown: a RUN of many lines arrives as a single one."""


def without(on_line: Callable[[str], None]) -> Callable[[str], None]:
    """Pass on the steps, what RUN prints, what was pushed and every error; drop the rest."""

    def choose(line: str) -> None:
        if not _CHATTER.fullmatch(line):
            on_line(f"{line[:_WIDTH]}…" if _STEP.match(line) and len(line) > _WIDTH else line)

    return choose
