"""What made the workflow run: the event, its pull request, its base, and whether its code can be trusted."""

from __future__ import annotations

import json
from pathlib import Path

from shapemaker_action import lazy
from shapemaker_action.record import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import TypeAlias

    from shapemaker_action.naming import Json

Payload: TypeAlias = "Mapping[str, Json]"

UNKNOWN = "unknown"
"""The name of an event that a job does not tell; nobody knows whose code that is."""
DEPENDABOT = "dependabot[bot]"
_PULL_REQUESTS = frozenset(
    {"pull_request", "pull_request_review", "pull_request_review_comment", "pull_request_target"}
)
_ALWAYS_UNSAFE = frozenset({"pull_request_target", UNKNOWN})
_PRIVILEGED = frozenset({*_ALWAYS_UNSAFE, "workflow_run", "issue_comment"})
"""Events whose jobs have the repository's secrets, although somebody without any right can cause them."""
_COMMIT = lazy.pattern(r"[0-9a-f]{40,64}")


@dataclass(frozen=True, kw_only=True)
class Event:
    """What `github` is in an expression, as far as we heed it. Outside of GitHub Actions everything is empty."""

    name: str = ""
    action: str = ""
    """What happened to the pull request: `opened`, `synchronize`, `closed`."""
    repository: str = ""
    """`owner/name` of the repository that the workflow runs in."""
    number: int = 0
    """Of the pull request; 0 when there is none."""
    head: str = ""
    """Branch of the pull request."""
    base: str = ""
    """Branch that the pull request goes to."""
    base_commit: str = ""
    """What the change is to be compared with; empty when nobody knows, or when there was nothing before."""
    from_fork: bool = False
    """The code is of another repository, or of one that cannot be told."""
    by_dependabot: bool = False

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> Event:
        """From the variables and the payload of the job. A payload that cannot be read leaves its parts empty."""
        if environ.get("GITHUB_ACTIONS") != "true":
            return cls()
        name = environ.get("GITHUB_EVENT_NAME") or UNKNOWN
        payload = _payload(environ.get("GITHUB_EVENT_PATH", ""))
        change = _part(payload, "pull_request")
        repository = environ.get("GITHUB_REPOSITORY", "") or _text(payload, "repository", "full_name")
        return cls(
            name=name,
            action=_text(payload, "action"),
            repository=repository,
            number=_number(change),
            head=_text(change, "head", "ref") or environ.get("GITHUB_HEAD_REF", ""),
            base=_text(change, "base", "ref") or environ.get("GITHUB_BASE_REF", ""),
            base_commit=_base_commit(name, payload),
            from_fork=_is_from_fork(name, payload, repository),
            by_dependabot=_is_by_dependabot(name, payload, environ),
        )

    @property
    def is_untrusted(self) -> bool:
        """Whether GitHub gives this job neither secrets nor an identity, because anybody may have written the code."""
        return self.name not in _PRIVILEGED and (self.from_fork or self.by_dependabot)

    @property
    def is_unsafe(self) -> bool:
        """Whether GitHub gives this job secrets although anybody may have written the code that it works on."""
        strange = self.from_fork or self.by_dependabot
        return self.name in _ALWAYS_UNSAFE or (self.name in _PRIVILEGED and strange)

    @property
    def author(self) -> str:
        """Who has written the code, as a phrase."""
        return "Dependabot" if self.by_dependabot else "a fork"


def _payload(path: str) -> Payload:
    try:
        found = json.loads(Path(path).read_text(encoding="utf-8")) if path else {}
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _part(payload: Payload, *names: str) -> Payload:
    """An object inside of the payload; empty where it is missing or null, as `head.repo` of a deleted fork."""
    for name in names:
        found = payload.get(name)
        payload = found if isinstance(found, dict) else {}
    return payload


def _text(payload: Payload, *names: str) -> str:
    found = _part(payload, *names[:-1]).get(names[-1])
    return found if isinstance(found, str) else ""


def _number(change: Payload) -> int:
    found = change.get("number")
    return found if isinstance(found, int) else 0


def _base_commit(name: str, payload: Payload) -> str:
    if name in _PULL_REQUESTS:
        found = _text(payload, "pull_request", "base", "sha")
    elif name == "merge_group":
        found = _text(payload, "merge_group", "base_sha")
    else:
        found = _text(payload, "before")
    # It becomes an argument of git, so only a commit will do.
    # Nothing but zeros is GitHub's `before` of a branch that did not exist.
    return found if _COMMIT.fullmatch(found) and found.strip("0") else ""


def _is_from_fork(name: str, payload: Payload, repository: str) -> bool:
    if name in _PULL_REQUESTS:
        head = _text(payload, "pull_request", "head", "repo", "full_name")
        return head.lower() != repository.lower() or not head
    if name == "workflow_run":
        head = _text(payload, "workflow_run", "head_repository", "full_name")
        return head.lower() != repository.lower() or not head
    # A comment's payload does not say where the pull request comes from.
    return name == "issue_comment" and bool(_part(payload, "issue", "pull_request") or not payload)


def _is_by_dependabot(name: str, payload: Payload, environ: Mapping[str, str]) -> bool:
    """Its pull requests, pushes to its branches, and runs after these; main is of whoever let a change merge."""
    if name in _PULL_REQUESTS:
        return DEPENDABOT in {_text(payload, "pull_request", "user", "login"), environ.get("GITHUB_ACTOR")}
    if name == "workflow_run":
        # Whoever runs the first one again becomes its triggering actor.
        actors = {_text(payload, "workflow_run", who, "login") for who in ("actor", "triggering_actor")}
        branch = _text(payload, "workflow_run", "head_branch")
        merged = branch == _text(payload, "repository", "default_branch")
        return branch.startswith("dependabot/") or (DEPENDABOT in actors and not merged)
    return environ.get("GITHUB_ACTOR") == DEPENDABOT and environ.get("GITHUB_REF", "").startswith(
        "refs/heads/dependabot/"
    )
