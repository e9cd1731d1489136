"""What training and processing jobs have in common: attempts, attaching, waiting with the log, and failing usefully."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, ClassVar

from shapemaker_action.aws.classify import Kind
from shapemaker_action.aws.logs import LogTail
from shapemaker_action.aws.session import AwsCallError
from shapemaker_action.aws.wait import Wait, until
from shapemaker_action.errors import (
    Cancelled,
    CapacityError,
    ForeignError,
    JobFailedError,
    NeedsHumanError,
    ShapemakerError,
)
from shapemaker_action.events import LogLine
from shapemaker_action.naming import CANCELLED_TAG, OWNER_TAG, split_uri, tag_list
from shapemaker_action.resources.place import Place
from shapemaker_action.resources.request import Request, after_creation, sagemaker_tags

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from shapemaker_action.aws.session import Reply
    from shapemaker_action.context import Context
    from shapemaker_action.plan import Resource

RUNNING = frozenset({"InProgress", "Stopping", "Deleting"})
ENDED_BADLY = frozenset({"Failed", "Stopped"})
STOPPED = frozenset({"Stopping", "Stopped"})
DONE = "Completed"
ATTEMPTS = 9
PENDING_ALLOWANCE = 3600
"""Seconds that a job may wait for instances before its own run time starts to count."""


@dataclass(frozen=True, kw_only=True)
class JobKind:
    """The names that SageMaker uses for one kind of job."""

    noun: str
    stage: str
    word: str
    """As in `CreateTrainingJob`, `TrainingJobName`, `TrainingJobStatus`."""
    log_group: str
    path: str
    """As in its ARN."""

    @property
    def name_field(self) -> str:
        """`TrainingJobName`."""
        return f"{self.word}Name"

    def status(self, reply: Reply) -> str:
        """The status that decides; the secondary one only explains."""
        return str(reply[f"{self.word}Status"])

    def state(self, reply: Reply) -> str:
        """Status and secondary status for people."""
        secondary = str(reply.get("SecondaryStatus", ""))
        status = self.status(reply)
        return f"{status} / {secondary}" if secondary and secondary != status else status


TRAINING = JobKind(
    noun="training job",
    stage="train",
    word="TrainingJob",
    log_group="/aws/sagemaker/TrainingJobs",
    path="training-job",
)
PROCESSING = JobKind(
    noun="evaluation job",
    stage="evaluate",
    word="ProcessingJob",
    log_group="/aws/sagemaker/ProcessingJobs",
    path="processing-job",
)


@dataclass(frozen=True, kw_only=True)
class Job:
    """Desired is always Completed: a job that runs is attached to, a failed one is an error."""

    kind: ClassVar[str]
    work: ClassVar[JobKind]
    borrowed: ClassVar[bool] = False

    name: str
    owner: str
    status: str = DONE
    request: Request = field(default_factory=dict, compare=False, repr=False)
    tags: Mapping[str, str] = field(default_factory=dict, compare=False)
    limit: float = field(default=0, compare=False)
    """Seconds that it may take, waiting for instances included."""

    def read(self, context: Context) -> Job | None:
        """The job of this name, whatever its state."""
        reply = describe(context, self.work, self.name)
        if reply is None:
            return None
        tags = tags_of(context, self.work, reply)
        return replace(self, owner=tags.get(OWNER_TAG, ""), status=self.work.status(reply), tags=tags)

    def create(self, context: Context) -> None:
        """Start it and, unless told otherwise, follow it to its end."""
        with stopped_by_a_signal(context, self.work, self.name):
            create(context, self.work, self.request)
            self._follow(context)

    def update(self, context: Context, observed: Resource) -> None:  # noqa: ARG002 - the job is described anew
        """Attach to it; a failed one raises with its reason."""
        with stopped_by_a_signal(context, self.work, self.name):
            self._follow(context)

    def delete(self, context: Context) -> None:
        """Stop it if it runs, then delete its record and see it go."""
        reply = describe(context, self.work, self.name)
        if reply is None:
            return
        named = {self.work.name_field: self.name}
        if self.work.status(reply) == "InProgress":
            context.aws.find("sagemaker", f"Stop{self.work.word}", named)
        settle(context, self.work, self.name)
        context.aws.find("sagemaker", f"Delete{self.work.word}", named)
        settle(context, self.work, self.name)

    def _follow(self, context: Context) -> None:
        # A gate cannot judge what isn't there yet, so an evaluation is waited for whatever the switch says.
        if context.switches.wait or self.work is PROCESSING:
            wait(context, self.work, self.name, self.limit)


def describe(context: Context, kind: JobKind, name: str) -> Reply | None:
    """The job, or None."""
    return context.aws.find("sagemaker", f"Describe{kind.word}", {kind.name_field: name})


def tags_of(context: Context, kind: JobKind, reply: Reply) -> dict[str, str]:
    """The tags of a described job."""
    return sagemaker_tags(context.aws, str(reply[f"{kind.word}Arn"]))


def attempt_name(base: str, attempt: int) -> str:
    """Job names are used up for ever, so the second attempt at the same content is `<base>-r2`."""
    return base if attempt == 1 else f"{base}-r{attempt}"


def newest_attempt(context: Context, kind: JobKind, base: str, result: Callable[[str], str]) -> str:
    """The attempt that counts: the first that did not fail, else the last; with `--retry` the one after it.

    `result` gives the S3 URI of what the attempt of a name must have left; a completed job without it has failed. An
    evaluation is then made again without being asked: it costs minutes, and the gate needs its report. So is a job that
    a signal to us has stopped: nobody has judged it.
    """
    last = base
    again = True
    for attempt in range(1, ATTEMPTS + 1):
        name = attempt_name(base, attempt)
        reply = describe(context, kind, name)
        if reply is None:
            return name if again else last
        status = kind.status(reply)
        lost = status == DONE and not exists(context, result(name))
        cancelled = status in STOPPED and CANCELLED_TAG in tags_of(context, kind, reply)
        if status not in ENDED_BADLY and not lost and not cancelled:
            return name
        again = context.switches.retry or cancelled or (lost and kind is PROCESSING)
        last = name
    return last


def exists(context: Context, uri: str) -> bool:
    """Whether there is an object at `uri` with something in it; below it, if it ends with a slash."""
    bucket, key = split_uri(uri)
    if not key:
        return False
    address = Place(context).in_bucket(bucket)
    if key.endswith("/"):
        listed = context.aws.find("s3", "ListObjectsV2", {**address, "Prefix": key, "MaxKeys": 1})
        return bool(listed and listed.get("Contents"))
    found = context.aws.find("s3", "HeadObject", {**address, "Key": key})
    return bool(found and found["ContentLength"])


def create(context: Context, kind: JobKind, request: Request) -> None:
    """Start the job. One that exists already is ours from a run that was killed; a young role gets some patience."""
    try:
        after_creation(
            context, lambda: context.aws.call("sagemaker", f"Create{kind.word}", request), unseen=Kind.PROPAGATING
        )
    except AwsCallError as error:
        if error.kind is not Kind.EXISTS:
            raise


def wait(context: Context, kind: JobKind, name: str, limit: float) -> Reply:
    """Follow the job with its log to the end; the description of a completed one.

    Raises:
        JobFailedError: it failed or was stopped: with its reason and the last lines of its log.
        CapacityError: no instances, or a fault of the service.
        DeadlineError: it goes on after `limit` seconds.
        ForeignError: it was deleted meanwhile.
    """
    tail = LogTail(aws=context.aws, group=kind.log_group, prefix=f"{name}/")

    def read() -> Reply:
        reply = describe(context, kind, name)
        if reply is None:
            raise ForeignError(
                f"{kind.noun} '{name}' was deleted while it was waited for",
                state="nothing was deployed; what serves is unchanged",
                remedy=f"start it again with: {context.again(kind.stage)}",
            )
        for line in tail.new_lines():
            context.emit(LogLine(source=name, text=line))
        return reply

    waiting = Wait(
        subject=f"{kind.noun} {name}",
        deadline=context.switches.timeout or limit,
        remedy=f"wait on with: {context.again(kind.stage)}",
    )
    reply = until(
        waiting, read, lambda r: kind.status(r) not in RUNNING, kind.state, clock=context.clock, emit=context.emit
    )
    for line in tail.new_lines():
        context.emit(LogLine(source=name, text=line))
    return demand_completed(context, kind, name, reply, tuple(tail.last))


@contextmanager
def stopped_by_a_signal(context: Context, kind: JobKind, name: str) -> Iterator[None]:
    """With `on_cancel: stop`, a signal in this block stops the job; it is marked, so that it will be begun anew."""
    try:
        yield
    except Cancelled as cancelled:
        if context.switches.on_cancel == "stop":
            cancelled.state = _stopped(context, kind, name)
        raise


def _stopped(context: Context, kind: JobKind, name: str) -> str:
    arn = context.aws.realm.arn("sagemaker", f"{kind.path}/{name}")
    mark = {"ResourceArn": arn, "Tags": tag_list({CANCELLED_TAG: "true"})}
    done = "go on as it was"
    try:
        context.aws.call_briefly("sagemaker", f"Stop{kind.word}", {kind.name_field: name})
        done = "stop; another run needs --retry"
        context.aws.call_briefly("sagemaker", "AddTags", mark)
    except (AwsCallError, ShapemakerError) as error:
        return f"{kind.noun} '{name}' will {done}: {error}"
    return f"{kind.noun} '{name}' will stop; the next run begins another"


def demand_completed(context: Context, kind: JobKind, name: str, reply: Reply, lines: tuple[str, ...] = ()) -> Reply:
    """The description of a completed job; anything else is an error with its reason."""
    status = kind.status(reply)
    if status == DONE:
        return reply
    if status not in ENDED_BADLY:
        raise NeedsHumanError(
            f"{kind.noun} '{name}' has the status {status}, which shapemaker does not know",
            remedy="look at it in the SageMaker console",
        )
    raise _failure(context, kind, name, reply, lines or _last_lines(context, kind, name))


def _last_lines(context: Context, kind: JobKind, name: str) -> tuple[str, ...]:
    tail = LogTail(aws=context.aws, group=kind.log_group, prefix=f"{name}/")
    for _ in tail.new_lines():
        pass
    return tuple(tail.last)


def _failure(context: Context, kind: JobKind, name: str, reply: Reply, lines: tuple[str, ...]) -> ShapemakerError:
    reason = str(reply.get("ExitMessage") or reply.get("FailureReason") or "")
    state = "nothing was deployed; what serves is unchanged"
    retry = f"try again with: {context.again(kind.stage)} --retry"
    if reason.startswith("InternalServerError"):
        return CapacityError(f"{kind.noun} '{name}' met a fault of SageMaker: {reason}", state=state, remedy=retry)
    if reason.startswith("CapacityError") or "InsufficientInstanceCapacity" in reason:
        return CapacityError(f"{kind.noun} '{name}' got no instances: {reason}", state=state, remedy=retry)
    if kind.status(reply) == "Stopped":
        why = {
            "MaxRuntimeExceeded": "its max_runtime is over",
            "MaxWaitTimeExceeded": "its max_wait for spot instances is over",
        }.get(str(reply.get("SecondaryStatus", "")), "somebody stopped it")
        message = f"{kind.noun} '{name}' was stopped: {why}"
        return JobFailedError(message, state=state, remedy=retry, details=lines)
    return JobFailedError(
        f"{kind.noun} '{name}' failed: {reason or 'without a reason'}",
        state=state,
        remedy=f"mend the code and run: {context.again(kind.stage)} (or, if the code is right, add --retry)",
        details=lines,
    )


def settle(context: Context, kind: JobKind, name: str) -> None:
    """Wait quietly until the job has ended, however."""

    def read() -> Reply | None:
        return describe(context, kind, name)

    waiting = Wait(subject=f"{kind.noun} {name}", deadline=600, remedy=f"run again: {context.again('delete')}")
    until(
        waiting,
        read,
        lambda reply: reply is None or kind.status(reply) not in RUNNING,
        lambda reply: kind.state(reply) if reply else "gone",
        clock=context.clock,
        emit=context.emit,
    )
