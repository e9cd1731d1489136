from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from shapemaker_action.github.event import Event

if TYPE_CHECKING:
    from collections.abc import Callable

RECORDED = Path(__file__).parents[2] / "harness" / "events"
OURS = "octo-org/example"
COMMIT = "1" * 40


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., Event]:
    def of(name: str, payload: object, **environ: str) -> Event:
        path = tmp_path / "event.json"
        path.write_text(payload if isinstance(payload, str) else json.dumps(payload))
        return Event.of(
            {
                "GITHUB_ACTIONS": "true",
                "GITHUB_EVENT_NAME": name,
                "GITHUB_EVENT_PATH": str(path),
                "GITHUB_REPOSITORY": OURS,
                "GITHUB_ACTOR": "octocat",
                **environ,
            }
        )

    return of


def recorded(name: str) -> tuple[str, dict[str, Any], str]:
    document = json.loads((RECORDED / f"{name}.json").read_text())
    return document["event_name"], document["event"], document["actor"]


@pytest.mark.parametrize(
    ("name", "untrusted", "unsafe"),
    [
        ("push", False, False),
        ("pull_request", False, False),
        ("pull_request_closed", False, False),
        ("pull_request_fork", True, False),
        ("pull_request_dependabot", True, False),
        ("pull_request_target", False, True),
        ("merge_group", False, False),
        ("workflow_dispatch", False, False),
        ("schedule", False, False),
        ("issue_comment", False, True),
        ("workflow_run", False, True),
        ("workflow_run_dependabot", False, True),
    ],
)
def test_whom_an_event_lets_in(read: Callable[..., Event], name: str, *, untrusted: bool, unsafe: bool) -> None:
    event_name, payload, actor = recorded(name)
    event = read(event_name, payload, GITHUB_ACTOR=actor)
    assert (event.is_untrusted, event.is_unsafe) == (untrusted, unsafe)


def test_a_pull_request_has_number_branches_and_base(read: Callable[..., Event]) -> None:
    _, payload, _ = recorded("pull_request")
    event = read("pull_request", payload)
    change = payload["pull_request"]
    assert event.repository == OURS
    assert (event.number, event.head, event.base) == (change["number"], change["head"]["ref"], change["base"]["ref"])
    assert event.base_commit == change["base"]["sha"]


@pytest.mark.parametrize(
    ("name", "payload", "base"),
    [
        ("push", {"before": COMMIT}, COMMIT),
        ("push", {"before": "0" * 40}, ""),
        ("push", {"before": "--output=/etc/passwd"}, ""),
        ("push", {"before": None}, ""),
        ("merge_group", {"merge_group": {"base_sha": COMMIT}}, COMMIT),
        ("schedule", {}, ""),
    ],
)
def test_the_base_is_a_commit_or_nothing(read: Callable[..., Event], name: str, payload: object, base: str) -> None:
    assert read(name, payload).base_commit == base


@pytest.mark.parametrize(
    "payload", ["", "{", "[]", "null", '"text"', '{"pull_request": []}', '{"pull_request": {"head": 1}}']
)
def test_a_pull_request_that_cannot_be_read_is_nobodys_we_know(read: Callable[..., Event], payload: str) -> None:
    event = read("pull_request", payload)
    assert event.is_untrusted
    assert (event.number, event.base_commit) == (0, "")


def test_a_missing_payload_is_as_good_as_a_broken_one(tmp_path: Path) -> None:
    environ = {"GITHUB_ACTIONS": "true", "GITHUB_EVENT_NAME": "pull_request", "GITHUB_REPOSITORY": OURS}
    for path in ("", str(tmp_path / "none"), str(tmp_path)):
        assert Event.of({**environ, "GITHUB_EVENT_PATH": path}).is_untrusted


def test_a_fork_that_was_deleted_is_still_one(read: Callable[..., Event]) -> None:
    assert read("pull_request", {"pull_request": {"number": 1, "head": {"repo": None}}}).from_fork


def test_a_pull_request_inside_of_a_fork_is_of_its_own_repository(read: Callable[..., Event]) -> None:
    head = {"repo": {"full_name": "Octo-Org/Example", "fork": True}}
    assert not read("pull_request", {"pull_request": {"head": head}}).is_untrusted


def same_repository(**more: object) -> dict[str, object]:
    return {"pull_request": {"number": 1, "head": {"repo": {"full_name": OURS}}, **more}}


def test_a_pull_request_of_dependabot_stays_its_own_whoever_runs_it_again(read: Callable[..., Event]) -> None:
    event = read("pull_request", same_repository(user={"login": "dependabot[bot]"}))
    assert event.is_untrusted
    assert event.author == "Dependabot"
    assert read("pull_request", same_repository(), GITHUB_ACTOR="dependabot[bot]").is_untrusted


@pytest.mark.parametrize(("ref", "untrusted"), [("refs/heads/dependabot/pip/x", True), ("refs/heads/main", False)])
def test_what_dependabot_may_merge_is_trusted_and_its_branches_are_not(
    read: Callable[..., Event], ref: str, *, untrusted: bool
) -> None:
    assert read("push", {}, GITHUB_ACTOR="dependabot[bot]", GITHUB_REF=ref).is_untrusted is untrusted


@pytest.mark.parametrize(("head", "unsafe"), [(OURS, False), ("outside/example", True), (None, True)])
def test_a_run_after_a_run_is_as_safe_as_the_first_ones_code(
    read: Callable[..., Event], head: str | None, *, unsafe: bool
) -> None:
    repository = {"full_name": head} if head else None
    assert read("workflow_run", {"workflow_run": {"head_repository": repository}}).is_unsafe is unsafe


@pytest.mark.parametrize(
    ("branch", "actor", "again", "unsafe"),
    [
        ("dependabot/pip/x", "octocat", "octocat", True),
        ("dependabot-pip-x", "dependabot[bot]", "octocat", True),
        ("dependabot-pip-x", "octocat", "dependabot[bot]", True),
        ("main", "dependabot[bot]", "dependabot[bot]", False),
        ("better", "octocat", "octocat", False),
    ],
)
def test_a_run_after_dependabots_is_unsafe_whoever_runs_it_again(
    read: Callable[..., Event], branch: str, actor: str, again: str, *, unsafe: bool
) -> None:
    run = {
        "head_repository": {"full_name": OURS},
        "head_branch": branch,
        "actor": {"login": actor},
        "triggering_actor": {"login": again},
    }
    assert read("workflow_run", {"workflow_run": run, "repository": {"default_branch": "main"}}).is_unsafe is unsafe


def test_a_job_that_does_not_tell_its_event_is_unsafe(read: Callable[..., Event]) -> None:
    assert read("", {}).is_unsafe
    assert not read("", {}).is_untrusted


def test_a_comment_on_an_issue_is_about_no_code(read: Callable[..., Event]) -> None:
    assert not read("issue_comment", {"issue": {"number": 3}}).is_unsafe
    assert read("issue_comment", {"issue": {"number": 3, "pull_request": {"url": "x"}}}).is_unsafe


def test_outside_of_github_there_is_no_event() -> None:
    assert Event.of({"GITHUB_EVENT_NAME": "pull_request", "GITHUB_EVENT_PATH": "/nowhere"}) == Event()
