"""Who a run is on AWS: the role that the job's OIDC token stands for, or whoever is around."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shapemaker_action.aws import web_identity
from shapemaker_action.aws.web_identity import WebIdentity
from shapemaker_action.events import Notice
from shapemaker_action.github.oidc import TokenSource

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shapemaker_action.events import Emit

_LONG_LIVED = "AKIA"
"""How the key of a user begins; that of a session begins with ASIA."""


def chosen(role: str, environ: Mapping[str, str], emit: Emit) -> WebIdentity | None:
    """The role to work as; None for the ambient credentials. Nothing is asked before the first call to AWS."""
    if not role:
        if environ.get("GITHUB_ACTIONS") == "true" and _is_long_lived(environ):
            emit(
                Notice(
                    text="these AWS keys never expire, and whoever gets hold of them can use them from anywhere; a "
                    "role for this repository alone needs no secret: role-to-assume, with permissions: id-token: write"
                )
            )
        return None
    run = f"{environ.get('GITHUB_RUN_ID', 'local')}-{environ.get('GITHUB_RUN_ATTEMPT', '1')}"
    token = TokenSource(environ=environ, audience=web_identity.audience_of(role), emit=emit)
    return WebIdentity(role=role, session=web_identity.session_name(f"shapemaker-{run}"), token=token, emit=emit)


def _is_long_lived(environ: Mapping[str, str]) -> bool:
    return environ.get("AWS_ACCESS_KEY_ID", "").startswith(_LONG_LIVED) and not environ.get("AWS_SESSION_TOKEN")
