"""One call of the tool as a frozen value, and the words that it knows."""

from __future__ import annotations

from shapemaker_action import lazy
from shapemaker_action.config import paths
from shapemaker_action.context import Switches
from shapemaker_action.record import dataclass, field

TYPE_CHECKING = False
if TYPE_CHECKING:
    import shlex
    from pathlib import Path
else:
    (shlex,) = lazy.modules("", "shlex")

STAGES: dict[str, str] = {
    "validate": "check the configuration, the model class and the Dockerfiles; no network",
    "plan": "show what every stage would create, change or remove; reads only",
    "provision": "make the bucket, the image repository and the execution role, hardened",
    "build": "build and push the training and the inference image",
    "train": "run the training job, attach to it, or reuse it",
    "evaluate": "judge the trained model and hold the quality gate",
    "deploy": "put the newest good model behind the endpoint",
    "invoke": "send the sample requests to the endpoint",
    "status": "show what serves, from which commit, image and job",
    "rollback": "return the endpoint to the generation it served before",
    "delete": "remove what is owned: endpoint, configurations, models; --everything also what holds data",
}
RUN = ("validate", "provision", "build", "train", "evaluate", "deploy", "invoke")
TOOLS: dict[str, str] = {
    "run": f"the bundle {', '.join(RUN)}",
    "init": "write a repository to begin with, its workflows, or a part of shapemaker to make your own",
    "local": "the local SageMaker: local up, down, status, logs, env",
    "dev": "work on the model without SageMaker: dev train, shell, serve, test",
    "schema": "print the JSON Schema of shapemaker.yml",
}
DEFAULT_CONFIG = "shapemaker.yml"


@dataclass(frozen=True, kw_only=True)
class Start:
    """What `init` writes."""

    name: str = ""
    framework: str = ""
    workflow: bool = False
    """Only the workflows."""
    from_template: str = ""
    """A project of the original cookiecutter template to read."""
    makefile: bool = False
    yes: bool = False
    """Ask nothing."""


@dataclass(frozen=True, kw_only=True)
class Invocation:
    """One call of the command line. `words` is the stage list or a tool, and what follows the tool's name."""

    words: tuple[str, ...]
    root: Path
    directory: str = ""
    """`root` as it was written."""
    configs: tuple[str, ...] = (DEFAULT_CONFIG,)
    environment: str = ""
    target: str = "aws"
    region: str = ""
    sets: tuple[str, ...] = ()
    format: str = "text"
    engine: str = ""
    port: int = 0
    bare: bool = False
    reload: bool = False
    eject: str = ""
    requests: bool = False
    role_to_assume: str = ""
    """ARN of the role that the OIDC token of the job is exchanged for."""
    comment: bool = True
    """Whether a pull request gets a comment."""
    summary: bool = True
    """Whether the job gets a summary."""
    start: Start = field(default_factory=Start)
    switches: Switches = field(default_factory=Switches)
    program: str = "shapemaker"

    @property
    def is_tool(self) -> bool:
        """Whether this is no stage list, but something beside them."""
        return self.words[0] in TOOLS and self.words[0] != "run"

    @property
    def stages(self) -> tuple[str, ...]:
        """The stages in the order they were given; the bundle unfolded."""
        names = [name.strip() for name in self.words[0].split(",")]
        return tuple(stage for name in names for stage in (RUN if name == "run" else (name,)))

    @property
    def globs(self) -> tuple[str, ...]:
        """What of the configuration means many models. A file whose name happens to look like a glob is a file."""
        return tuple(each for each in self.configs if paths.is_glob(each) and not (self.root / each).is_file())

    @property
    def again(self) -> str:
        """The command line that would do this again, with `{stages}` where the stages stand."""
        options: list[str] = []
        for name, value, default in (
            ("--target", self.target, "aws"),
            ("--environment", self.environment, ""),
            ("--region", self.region, ""),
            ("--engine", self.engine, ""),
            ("--directory", self.directory, ""),
        ):
            options += [name, shlex.quote(value)] if value != default else []
        for config in self.configs if self.configs != (DEFAULT_CONFIG,) else ():
            options += ["--config", shlex.quote(config)]
        for each in self.sets:
            options += ["--set", shlex.quote(each)]
        text = " ".join(options).replace("{", "{{").replace("}", "}}")
        return f"{self.program} {{stages}} {text}".strip()

    def resume(self, stages: str) -> str:
        """The command line that goes on with these stages; as `Context.again`, which comes into being later."""
        return " ".join([self.again.format(stages=stages), *self.switches.options(stages)])
