"""What looks like a credential: it must not become part of an image."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING

from shapemaker_action.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Mapping

_WORDS = frozenset(
    {"secret", "secrets", "token", "password", "passwd", "passphrase", "credential", "credentials", "apikey"}
)
_KINDS_OF_KEY = frozenset({"access", "api", "private", "secret", "signing"})
_HARMLESS_ENDS = frozenset({"file", "path", "dir", "url", "uri", "arn"})
_SHORTEST = 8


def is_credential_name(name: str) -> bool:
    """Whether a variable of this name usually holds a secret: `DB_PASSWORD` does, `TOKENIZERS_PARALLELISM` doesn't."""
    words = re.split(r"[_\W]+", name.lower())
    if words[-1] in _HARMLESS_ENDS:
        return False
    keys = any(second == "key" and first in _KINDS_OF_KEY for first, second in pairwise(words))
    return keys or not _WORDS.isdisjoint(words)


def refuse_in_args(args: Mapping[str, str], environ: Mapping[str, str]) -> None:
    """Build arguments stay readable in the image's history: raise `InvalidInputError` for one that is a credential."""
    live = {value: key for key, value in environ.items() if len(value) >= _SHORTEST and is_credential_name(key)}
    for name, value in args.items():
        if is_credential_name(name) or value in live:
            why = f"has the value of the variable {live[value]}" if value in live else "is named like a credential"
            raise InvalidInputError(
                f"the build argument {name} {why}, and anybody who pulls the image can read it",
                state="nothing was built",
                remedy="give it to the build as a secret: build.secrets, and RUN --mount=type=secret in the Dockerfile",
            )
