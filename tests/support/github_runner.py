"""A repository's workflows as GitHub would run them: tests/harness does it, this is how tests ask."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

import yaml

from shapemaker_action.local import lifecycle
from tests.support.github_report import Annotation, Command, Deployment, Job, Run, Step, read_run
from tests.support.harness import HARNESS, exported, machine, node, tool_cache

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path
    from types import TracebackType

__all__ = [
    "OUR_NAME",
    "OUR_USES",
    "Annotation",
    "Cancel",
    "Command",
    "Deployment",
    "Event",
    "Job",
    "Oidc",
    "Run",
    "Runner",
    "Step",
    "Stub",
    "exported",
]
OUR_NAME = "shapemaker-action/shapemaker"
OUR_USES = f"{OUR_NAME}@0123456789abcdef0123456789abcdef01234567"
"""`uses:` of a step that takes the action from another repository; any owner and ref would do."""
TOKEN_KEY = "the-run"


@dataclass(frozen=True, kw_only=True)
class Event:
    """What triggers a run, as recorded in tests/harness/events."""

    event_name: str
    actor: str
    ref: str
    sha: str
    head_ref: str
    base_ref: str
    event: Mapping[str, Any]

    @classmethod
    def recorded(cls, name: str) -> Event:
        """The event of tests/harness/events/NAME.json: push, pull_request, pull_request_fork and so on."""
        return cls(**json.loads((HARNESS / "events" / f"{name}.json").read_text()))

    def between(self, base: str, head: str) -> Event:
        """The same event about other commits: `base` is what it is compared with, `head` what is checked out."""
        payload = json.loads(json.dumps(self.event))
        if "before" in payload and self.event_name == "push":
            payload |= {"before": base, "after": head}
        if "pull_request" in payload:
            payload["pull_request"]["base"]["sha"], payload["pull_request"]["head"]["sha"] = base, head
        if "merge_group" in payload:
            payload["merge_group"] |= {"base_sha": base, "head_sha": head}
        return replace(self, sha=head, event=payload)

    def trigger(self) -> dict[str, Any]:
        """What `on:` has to be so that this event starts a workflow."""
        filters: dict[str, Any] = {}
        if "action" in self.event:
            filters["types"] = [self.event["action"]]
        if "workflow_run" in self.event:
            filters["workflows"] = [self.event["workflow_run"]["name"]]
        if "schedule" in self.event:
            return {"schedule": [{"cron": self.event["schedule"]}]}
        return {self.event_name: filters or None}

    def github(self, api: str) -> dict[str, Any]:
        """The github context, as far as it is the same in all jobs."""
        repository = self.event["repository"]["full_name"]
        owner = self.event["repository"]["owner"]
        kind = "tag" if self.ref.startswith("refs/tags/") else "branch"
        return {
            **asdict(self),
            "actor_id": "2001",
            "api_url": api or "https://api.github.com",
            "graphql_url": "https://api.github.com/graphql",
            "ref_name": self.ref.removeprefix("refs/heads/").removeprefix("refs/tags/").removeprefix("refs/pull/"),
            "ref_protected": "false",
            "ref_type": kind,
            "repository": repository,
            "repository_id": str(self.event["repository"]["id"]),
            "repository_owner": owner["login"],
            "repository_owner_id": str(owner["id"]),
            "retention_days": "90",
            "run_attempt": "1",
            "run_id": "1234567890",
            "run_number": "42",
            "server_url": "https://github.com",
            "triggering_actor": self.actor,
            "workflow_sha": self.sha,
        }


@dataclass(frozen=True, kw_only=True)
class Cancel:
    """Cancel the run `after` seconds from the start of a step, or from a line of the log that matches `when`."""

    step: str = ""
    when: str = ""
    after: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Stub:
    """What a foreign action does here: outputs, variables for later steps, or an error that fails it.

    It comes on top of the built-in stub, if there is one, unless it replaces it.
    """

    outputs: Mapping[str, str] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict)
    error: str = ""
    replaces: bool = False


@dataclass(frozen=True, kw_only=True)
class Oidc:
    """Where jobs with `id-token: write` get their identity."""

    url: str
    token: str


@dataclass(frozen=True, kw_only=True)
class Runner:
    """Runs workflows of `repository` below the folder `work`, each job in a workspace of its own.

    Leave it as a context manager, so that no local SageMaker goes on. `actions` says where `uses: owner/name@ref`
    leads, `environ` is laid over the machine's, `changed` are the paths that filters by path look at.
    """

    repository: Path
    work: Path
    event: Event = field(default_factory=lambda: Event.recorded("push"))
    actions: Mapping[str, Path] = field(default_factory=lambda: {OUR_NAME: exported()})
    inputs: Mapping[str, str | bool | int] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)
    environ: Mapping[str, str] = field(default_factory=dict)
    stubs: Mapping[str, Stub] = field(default_factory=dict)
    api: str = ""
    oidc: Oidc | None = None
    cancel: Cancel | None = None
    changed: Sequence[str] | None = None
    debug: bool = False

    def run(self, workflow: str = ".github/workflows/test.yml") -> Run:
        """Run a workflow file of the repository for the event."""
        self.work.mkdir(parents=True, exist_ok=True)
        request = self.work / "request.json"
        request.write_text(json.dumps(self._request(workflow)))
        return read_run(node("main.mjs", str(request)))

    def steps(self, *steps: Mapping[str, Any], **job: Any) -> Run:
        """Run these steps as the job `job`, after a checkout; `job` are fields such as permissions or outputs."""
        checkout = {"uses": "actions/checkout@v4"}
        text = {"runs-on": "ubuntu-24.04", **job, "steps": [checkout, *steps]}
        return self.text({"name": "Test", "on": self.event.trigger(), "jobs": {"job": text}})

    def use(self, **inputs: str) -> Run:
        """Run the action alone, as the step `shapemaker`; an input like working-directory is `working_directory`."""
        given = {name.replace("_", "-"): value for name, value in inputs.items()}
        permissions = {"contents": "read", "id-token": "write", "pull-requests": "write"}
        return self.steps({"id": "shapemaker", "uses": OUR_USES, "with": given}, permissions=permissions)

    def text(self, workflow: Mapping[str, Any] | str) -> Run:
        """Run a workflow that is not in the repository yet; it is put there as test.yml."""
        text = workflow if isinstance(workflow, str) else yaml.safe_dump(dict(workflow), sort_keys=False)
        path = self.repository / ".github" / "workflows" / "test.yml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return self.run()

    def close(self) -> None:
        """End every local SageMaker that jobs have left behind."""
        for state in self.work.glob("*/state/shapemaker"):
            lifecycle.down(state)

    def __enter__(self) -> Runner:  # noqa: PYI034 - Self is not in Python 3.10
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _request(self, workflow: str) -> dict[str, Any]:
        github = self.event.github(self.api)
        if self.event.event_name == "workflow_dispatch":
            github["event"] = {**github["event"], "inputs": {name: str(value) for name, value in self.inputs.items()}}
        github["workflow_ref"] = f"{github['repository']}/{workflow}@{self.event.ref}"
        return {
            "work": str(self.work),
            "repository": str(self.repository),
            "workflow": workflow,
            "github": github,
            "environ": machine() | dict(self.environ),
            "tool_cache": str(tool_cache()),
            "actions": {name.lower(): str(path) for name, path in self.actions.items()},
            "stubs": {name.lower(): asdict(stub) for name, stub in self.stubs.items()},
            "inputs": dict(self.inputs),
            "secrets": dict(self.secrets),
            "vars": dict(self.variables),
            "oidc": asdict(self.oidc) if self.oidc else None,
            "cancel": {name: value for name, value in asdict(self.cancel).items() if value} if self.cancel else None,
            "changed": self.changed,
            "debug": self.debug,
            "token_key": TOKEN_KEY,
        }
