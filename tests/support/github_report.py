"""What came of a workflow in the runner in miniature: jobs, steps, annotations, as its report tells them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence


@dataclass(frozen=True, kw_only=True)
class Annotation:
    """What GitHub shows at a line of a file; `line` and `col` are strings, as commands have them."""

    level: str
    message: str
    file: str = ""
    line: str = ""
    end_line: str = ""
    col: str = ""
    end_column: str = ""
    title: str = ""


@dataclass(frozen=True, kw_only=True)
class Command:
    """A workflow command that the runner has obeyed."""

    name: str
    properties: Mapping[str, str]
    data: str


@dataclass(frozen=True, kw_only=True)
class Step:
    """One step; `steps` are those of a composite action. `issues` counts all, `annotations` are at most ten of each."""

    id: str
    name: str
    uses: str
    inputs: Mapping[str, str]
    outcome: str
    conclusion: str
    exit_code: int | None
    log: str
    outputs: Mapping[str, str]
    exported: Mapping[str, str]
    paths: Sequence[str]
    annotations: Sequence[Annotation]
    issues: Mapping[str, int]
    commands: Sequence[Command]
    signals: Sequence[str]
    summary: str
    summary_dropped: bool
    steps: Sequence[Step]

    def walk(self) -> Iterator[Step]:
        """This step and all within it."""
        yield self
        for each in self.steps:
            yield from each.walk()


@dataclass(frozen=True, kw_only=True)
class Deployment:
    """What `environment:` records; the URL is empty where it would show a secret."""

    environment: str
    url: str
    state: str


@dataclass(frozen=True, kw_only=True)
class Job:
    """One job, one of a matrix, or one that calls a workflow (`uses`), whose jobs follow as `caller / callee`."""

    id: str
    name: str
    needs: Sequence[str]
    uses: str
    result: str
    matrix: Mapping[str, Any]
    permissions: Mapping[str, str]
    identity: bool
    concurrency: Mapping[str, Any] | None
    runs_on: Any
    timeout_minutes: float | None
    continue_on_error: bool
    deployment: Deployment | None
    outputs: Mapping[str, str]
    dropped_outputs: Sequence[str]
    errors: Sequence[str]
    orphans: Sequence[str]
    masks: Sequence[str]
    steps: Sequence[Step]
    workspace: str
    temp: str
    home: str

    def step(self, name: str) -> Step:
        """The step with this id or name, also one within a composite action."""
        found = [each for top in self.steps for each in top.walk() if name in (each.id, each.name)]
        assert found, f"no step {name} in job {self.name}: {[step.id for step in self.steps]}"
        return found[0]

    @property
    def log(self) -> str:
        return "\n".join(step.log for step in self.steps)

    @property
    def summary(self) -> str:
        """All summaries of the job's steps, in order."""
        return "".join(each.summary for top in self.steps for each in top.walk())

    @property
    def annotations(self) -> list[Annotation]:
        return [each for step in self.steps for each in step.annotations]


@dataclass(frozen=True, kw_only=True, repr=False)
class Run:
    """What came of a workflow; `errors` kept it from starting, `untrusted` is fork, dependabot or empty."""

    triggered: bool
    untrusted: str
    conclusion: str
    concurrency: Mapping[str, Any] | None
    outputs: Mapping[str, str]
    errors: Sequence[str]
    jobs: Sequence[Job]

    def job(self, name: str) -> Job:
        """The first job with this id or name; `caller / callee` for one of a called workflow."""
        found = [each for each in self.jobs if name in (each.id, each.name)]
        assert found, f"no job {name}: {[job.name for job in self.jobs]} {self.errors}"
        return found[0]

    def step(self, name: str) -> Step:
        """The first step with this id or name in any job."""
        found = [each for job in self.jobs for top in job.steps for each in top.walk() if name in (each.id, each.name)]
        assert found, f"no step {name}: {self}"
        return found[0]

    @property
    def log(self) -> str:
        return "\n".join(job.log for job in self.jobs)

    def __repr__(self) -> str:
        """The logs, because that is what one wants to see when an assertion fails."""
        lines = [f"{self.conclusion} {' '.join(self.errors)}"]
        for job in self.jobs:
            lines.append(f"== {job.name}: {job.result} {' '.join(job.errors)}")
            lines += [f"-- {step.name}: {step.outcome} {step.exit_code}\n{step.log[-6000:]}" for step in job.steps]
        return "\n".join(lines)


def read_run(report: dict[str, Any]) -> Run:
    """The report of main.mjs."""
    return Run(**{**report, "jobs": [_job(each) for each in report["jobs"]]})


def _job(report: dict[str, Any]) -> Job:
    deployment = Deployment(**report["deployment"]) if report["deployment"] else None
    return Job(**{**report, "deployment": deployment, "steps": [_step(each) for each in report["steps"]]})


def _step(report: dict[str, Any]) -> Step:
    inputs = report.pop("with")
    read = {
        "inputs": inputs,
        "annotations": [read_annotation(each) for each in report["annotations"]],
        "commands": [Command(**each) for each in report["commands"]],
        "steps": [_step(each) for each in report["steps"]],
    }
    return Step(**{**report, **read})


def read_annotation(report: dict[str, str]) -> Annotation:
    """One annotation of a report."""
    names = {"endLine": "end_line", "endColumn": "end_column"}
    return Annotation(**{names.get(name, name): value for name, value in report.items()})
