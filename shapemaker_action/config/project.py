"""The completed configuration: what every other room reads. Defaults are in `schema.json`, not here."""

from __future__ import annotations

from shapemaker_action.record import dataclass, replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, Literal, TypeAlias

Api: TypeAlias = "dict[str, dict[str, Any]]"
"""Request fields in AWS's own names by operation: `{"CreateTrainingJob": {"EnableNetworkIsolation": True}}`."""


@dataclass(frozen=True, kw_only=True)
class AwsSettings:
    """Where to work. Empty strings mean: derived from the project (and found at run time for the account)."""

    region: str
    account: str
    role: str
    bucket: str
    repository: str
    tags: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class SecretSource:
    """Where a BuildKit secret comes from: a file (relative to the repository, `~` allowed) or a variable's name."""

    file: str = ""
    env: str = ""


@dataclass(frozen=True, kw_only=True)
class BuildSettings:
    """How the two images are made."""

    framework: str
    templates: str
    """The user's own templates; empty when there are none."""
    python: str
    base_image: str
    """Empty for the framework's."""
    requirements: str
    """Empty when there are none."""
    include: tuple[str, ...]
    exclude: tuple[str, ...]
    packages: tuple[str, ...]
    training_dockerfile: str
    """The user's own; empty for the template's, as is `inference_dockerfile`."""
    inference_dockerfile: str
    args: Mapping[str, str]
    secrets: Mapping[str, SecretSource]
    engine: Literal["auto", "docker", "podman", "process"]


@dataclass(frozen=True, kw_only=True)
class ChannelSettings:
    """One input channel: a directory or file of the repository, or an `s3://` prefix."""

    source: str
    sample: str
    """What stands for data in S3 where there is no S3; empty when nothing does."""
    content_type: str
    input_mode: Literal["File", "FastFile", "Pipe"]
    distribution: Literal["FullyReplicated", "ShardedByS3Key"]

    @property
    def is_remote(self) -> bool:
        """Whether the data are in S3 already."""
        return self.source.startswith("s3://")

    @property
    def here(self) -> ChannelSettings:
        """With data of the repository, if there are any."""
        return replace(self, source=self.sample) if self.sample else self


@dataclass(frozen=True, kw_only=True)
class MetricSettings:
    """A metric that SageMaker reads out of the training log."""

    name: str
    regex: str


@dataclass(frozen=True, kw_only=True)
class TrainSettings:
    """The training job. Times in seconds, sizes in GB."""

    entrypoint: str
    hyperparameters: Mapping[str, str]
    """As SageMaker passes them: strings; a JSON list or object stays JSON."""
    channels: Mapping[str, ChannelSettings]
    instance: str
    instance_count: int
    volume_gb: int
    max_runtime: int
    spot: bool
    max_wait: int
    checkpoints: bool
    metrics: tuple[MetricSettings, ...]
    environment: Mapping[str, str]
    api: Api


@dataclass(frozen=True, kw_only=True)
class Threshold:
    """What a metric must reach. `max_regression` is relative to the model in service: 0.05 allows 5 % worse."""

    metric: str
    min: float | None
    max: float | None
    max_regression: float | None


@dataclass(frozen=True, kw_only=True)
class EvaluateSettings:
    """The evaluation (a processing job in the training image) and its quality gate."""

    enabled: bool
    entrypoint: str
    channels: Mapping[str, ChannelSettings]
    thresholds: tuple[Threshold, ...]
    instance: str
    volume_gb: int
    max_runtime: int
    environment: Mapping[str, str]
    api: Api


@dataclass(frozen=True, kw_only=True)
class AccelerateSettings:
    """How the model's estimators are made quicker, in training and serving alike."""

    by: Literal["none", "builtin", "onnx", "compiled"]
    attribute: str
    tolerance: float | None
    """None for the accelerator's own."""
    fallback: bool


@dataclass(frozen=True, kw_only=True)
class ServeSettings:
    """What runs in the inference image. Empty `app` means shapemaker's own application around the model class."""

    app: str
    workers: int
    timeout: int
    server: Literal["fast", "stock"]
    batch_rows: int
    batch_window_ms: int
    queue_rows: int
    queue_seconds: int
    inline: Literal["auto", "never"]
    max_body_mb: int
    max_rows: int
    log: Literal["errors", "all", "none"]
    accelerate: AccelerateSettings
    nginx: bool
    environment: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class DeploySettings:
    """The endpoint."""

    endpoint: str
    variant: str
    instance: str
    instance_count: int
    startup_timeout: int
    keep: int
    api: Api

    @property
    def is_multi_model(self) -> bool:
        """Whether the endpoint has a prefix of archives, of which each request names one."""
        container = self.api.get("CreateModel", {}).get("PrimaryContainer")
        return isinstance(container, dict) and container.get("Mode") == "MultiModel"


@dataclass(frozen=True, kw_only=True)
class RequestSettings:
    """One sample request: the file's bytes are the body."""

    file: str
    content_type: str
    accept: str
    target_model: str
    """An archive below the prefix of a multi-model endpoint; empty for others."""
    expect: Mapping[str, Any] | None
    """A JSON subset that the answer must contain; None when any answer of status 200 will do."""


@dataclass(frozen=True, kw_only=True)
class InvokeSettings:
    """The sample requests, sent in order."""

    requests: tuple[RequestSettings, ...]


@dataclass(frozen=True, kw_only=True)
class Project:
    """One validated configuration with environment overlay and `--set` applied."""

    name: str
    environment: str
    """The chosen `environments:` entry; empty when none was."""
    model: str
    """`package.module:Class`; empty when both entry points are the user's own."""
    aws: AwsSettings
    build: BuildSettings
    train: TrainSettings
    evaluate: EvaluateSettings
    serve: ServeSettings
    deploy: DeploySettings
    invoke: InvokeSettings

    @property
    def scope(self) -> str:
        """Prefix of every name: the project, and the environment when there is one."""
        return f"{self.name}-{self.environment}" if self.environment else self.name

    @property
    def here(self) -> Project:
        """As it is where there is no account: without its role and number, and with samples instead of data in S3."""
        return replace(
            self,
            aws=replace(self.aws, account="", role=""),
            train=replace(self.train, channels={name: each.here for name, each in self.train.channels.items()}),
            evaluate=replace(
                self.evaluate, channels={name: each.here for name, each in self.evaluate.channels.items()}
            ),
        )
