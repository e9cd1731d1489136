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
        |\[internal\].*|(?:transferring|resolve|extracting)\b.*
        |\d+\.\d+\s*                                          # an empty line of a RUN
    )
    """,
    re.VERBOSE,
)


def without(on_line: Callable[[str], None]) -> Callable[[str], None]:
    """Pass on the steps, what RUN prints, what was pushed and every error; drop the rest."""

    def choose(line: str) -> None:
        if not _CHATTER.fullmatch(line):
            on_line(line)

    return choose
