"""What a command works with: project, AWS, container engine and the switches of this run; built once, frozen."""

from __future__ import annotations

from shapemaker_action import lazy
from shapemaker_action.naming import COMMIT_TAG, ENVIRONMENT_TAG, OWNER_TAG, tag_value
from shapemaker_action.record import dataclass, field

TYPE_CHECKING = False
if TYPE_CHECKING:
    import shlex
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from shapemaker_action.aws import wait
    from shapemaker_action.aws.session import Aws
    from shapemaker_action.config.project import Project
    from shapemaker_action.containers.engine import Engine
    from shapemaker_action.events import Emit
else:
    (shlex,) = lazy.modules("", "shlex")
    (wait,) = lazy.modules("shapemaker_action.aws", "wait")


_TRAINING = frozenset({"plan", "train", "evaluate", "run"})
_SERVING = frozenset({"deploy", "run"})
_HEEDED_BY = {
    "--experimental": _TRAINING,
    "--training-job": _SERVING,
    "--model-data": _SERVING,
    "--force": _SERVING | {"evaluate"},
    "--everything": frozenset({"delete"}),
    "--timeout": frozenset({"train", "evaluate", "deploy", "rollback", "run"}),
}


@dataclass(frozen=True, kw_only=True)
class Switches:
    """The options of one run that are not configuration."""

    wait: bool = True
    retry: bool = False
    """Start another attempt of a job that failed or was stopped."""
    experimental: bool = False
    """Train under the experimental prefix; a deploy never picks such a job by itself."""
    model_data: str = ""
    """Deploy this `s3://…/model.tar.gz` instead of the newest good one."""
    training_job: str = ""
    """Deploy the model of this training job."""
    force: bool = False
    """Deploy although the quality gate has not passed."""
    everything: bool = False
    """Delete also what holds data: bucket, repository, role, job records."""
    timeout: float = 0
    """Seconds to wait for one job or endpoint; 0 means what the job itself may take."""
    fingerprint: str = ""
    """Only apply when the plan still has this fingerprint."""
    logs: bool = False
    changed_since: str = ""
    """A git revision: of many models only those that differ from it."""
    on_cancel: str = "leave"
    """`stop`: a signal also stops the job that is waited for."""

    def options(self, stages: str) -> list[str]:
        """These switches as a command line has them, as far as the stages heed them.

        `--retry` stays out: continued is the attempt that was begun. So do `--no-wait`, `--fingerprint` and `--logs`,
        which mean this one call.
        """
        known = {
            "--experimental": self.experimental,
            "--training-job": self.training_job,
            "--model-data": self.model_data,
            "--force": self.force,
            "--everything": self.everything,
            "--timeout": f"{self.timeout:g}" if self.timeout else "",
        }
        heeding = set(stages.split(","))
        options: list[str] = []
        for name, value in known.items():
            if value and heeding & _HEEDED_BY[name]:
                options += [name] if value is True else [name, shlex.quote(str(value))]
        return options


@dataclass(frozen=True, kw_only=True)
class Context:
    """See the module's sentence. `engine` is called when a container is first needed, not before."""

    project: Project
    root: Path
    """The consuming repository; every path of the configuration is relative to it."""
    config: tuple[str, ...]
    aws: Aws
    engine: Callable[[], Engine]
    emit: Emit
    command: str
    """How the user would type this command again, without the stage."""
    checked_out: Callable[[], str] = str
    """Asks git for the commit; empty when there is none."""
    switches: Switches = field(default_factory=Switches)
    clock: wait.Clock = field(default_factory=lambda: lazy.value(lambda: wait.Clock()))  # noqa: PLW0108 - looked up late

    def again(self, stages: str) -> str:
        """The command that continues: `shapemaker train --target local`."""
        return " ".join([self.command.format(stages=stages), *self.switches.options(stages)])

    @property
    def commit(self) -> str:
        """The commit that is checked out; empty outside of git."""
        return self.checked_out()

    @property
    def shared_tags(self) -> dict[str, str]:
        """Ownership tags of what all environments of the project share: bucket, repository, role."""
        return {**self.project.aws.tags, OWNER_TAG: self.project.name}

    @property
    def tags(self) -> dict[str, str]:
        """Ownership tags of what belongs to one environment, with the commit it came from."""
        own = {ENVIRONMENT_TAG: self.project.environment or "default"}
        if self.commit:
            own[COMMIT_TAG] = tag_value(self.commit)
        return {**self.shared_tags, **own}

    def owns(self, tags: Mapping[str, str]) -> bool:
        """Whether a resource with these tags is this project's, in this environment."""
        environment = self.project.environment or "default"
        return tags.get(OWNER_TAG) == self.project.name and tags.get(ENVIRONMENT_TAG) == environment
