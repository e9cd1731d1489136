"""The `api:` blocks: fragments of AWS requests, checked against AWS's own description of each field."""

from __future__ import annotations

from shapemaker_action.config import services, words
from shapemaker_action.config.node import ListNode, MappingNode, ScalarNode, find, plain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from shapemaker_action import service_model
    from shapemaker_action.config.node import KeyPath, Node
    from shapemaker_action.config.project import Project
    from shapemaker_action.config.source import Source
    from shapemaker_action.diagnostics import Diagnostic

OPERATIONS: tuple[tuple[str, str], ...] = (
    ("train", "CreateTrainingJob"),
    ("evaluate", "CreateProcessingJob"),
    ("deploy", "CreateModel"),
    ("deploy", "CreateEndpointConfig"),
    ("deploy", "CreateEndpoint"),
    ("deploy", "UpdateEndpoint"),
)

_DERIVED = "the name is derived from the content, so that equal work is found again instead of paid twice"
_IMAGE = "the image is the one that shapemaker builds; see build"
_MODEL_DATA = "the model data are those of the training job; to deploy others use --model-data"
_ROLE = "write aws.role"
_ENDPOINT_CONFIG = "it is the endpoint configuration that this deployment makes"

_REFUSED: dict[str, dict[KeyPath, str]] = {
    "CreateTrainingJob": {
        ("TrainingJobName",): _DERIVED,
        ("RoleArn",): _ROLE,
        ("HyperParameters",): "write train.hyperparameters",
        ("InputDataConfig",): "write train.channels",
        ("Environment",): "write train.environment",
        ("EnableManagedSpotTraining",): "write train.spot",
        ("CheckpointConfig",): "write train.checkpoints",
        ("AlgorithmSpecification", "TrainingImage"): _IMAGE,
        ("AlgorithmSpecification", "AlgorithmName"): _IMAGE,
        ("AlgorithmSpecification", "MetricDefinitions"): "write train.metrics",
        ("ResourceConfig", "InstanceType"): "write train.instance",
        ("ResourceConfig", "InstanceCount"): "write train.instance_count",
        ("ResourceConfig", "VolumeSizeInGB"): "write train.volume_gb",
        ("StoppingCondition", "MaxRuntimeInSeconds"): "write train.max_runtime",
        ("StoppingCondition", "MaxWaitTimeInSeconds"): "write train.max_wait",
        ("OutputDataConfig", "S3OutputPath"): "write aws.bucket; the prefix in it is the project's",
    },
    "CreateProcessingJob": {
        ("ProcessingJobName",): _DERIVED,
        ("RoleArn",): _ROLE,
        ("ProcessingInputs",): "write evaluate.channels",
        ("ProcessingOutputConfig",): "the report goes where the quality gate looks for it",
        ("Environment",): "write evaluate.environment",
        ("AppSpecification", "ImageUri"): _IMAGE,
        ("ProcessingResources", "ClusterConfig", "InstanceType"): "write evaluate.instance",
        ("ProcessingResources", "ClusterConfig", "InstanceCount"): "an evaluation runs on one instance",
        ("ProcessingResources", "ClusterConfig", "VolumeSizeInGB"): "write evaluate.volume_gb",
        ("StoppingCondition", "MaxRuntimeInSeconds"): "write evaluate.max_runtime",
    },
    "CreateModel": {
        ("ModelName",): _DERIVED,
        ("ExecutionRoleArn",): _ROLE,
        ("Containers",): "shapemaker serves one container",
        ("PrimaryContainer", "Image"): _IMAGE,
        ("PrimaryContainer", "ModelDataUrl"): _MODEL_DATA,
        ("PrimaryContainer", "ModelDataSource"): _MODEL_DATA,
        ("PrimaryContainer", "Environment"): "write serve.environment",
    },
    "CreateEndpointConfig": {
        ("EndpointConfigName",): _DERIVED,
        ("ProductionVariants", 0, "VariantName"): "write deploy.variant",
        ("ProductionVariants", 0, "ModelName"): "it is the model that this deployment makes",
        ("ProductionVariants", 0, "InstanceType"): "write deploy.instance",
        ("ProductionVariants", 0, "InitialInstanceCount"): "write deploy.instance_count",
        ("ProductionVariants", 0, "ContainerStartupHealthCheckTimeoutInSeconds"): "write deploy.startup_timeout",
    },
    "CreateEndpoint": {
        ("EndpointName",): "write deploy.endpoint",
        ("EndpointConfigName",): _ENDPOINT_CONFIG,
    },
    "UpdateEndpoint": {
        ("EndpointName",): "write deploy.endpoint",
        ("EndpointConfigName",): _ENDPOINT_CONFIG,
    },
}
"""Fields that must not be given here, and why or where instead."""

_COMPLETED: frozenset[KeyPath] = frozenset(
    {
        ("AlgorithmSpecification",),
        ("OutputDataConfig",),
        ("ResourceConfig",),
        ("StoppingCondition",),
        ("ProcessingResources",),
        ("ProcessingResources", "ClusterConfig"),
        ("AppSpecification",),
        ("PrimaryContainer",),
        ("ProductionVariants", 0),
    }
)
"""Structures to which shapemaker adds what they lack."""

_TYPES = {
    "a string": ["string"],
    "true or false": ["boolean"],
    "a whole number": ["integer"],
    "a finite number": ["number"],
    "a list": ["array"],
    "a mapping": ["object"],
}


def check(_: Project, source: Source) -> Iterator[Diagnostic]:
    """Every operation of every section."""
    for section, operation in OPERATIONS:
        path: KeyPath = (section, "api", operation)
        node = find(source.document, path)
        if isinstance(node, MappingNode):
            refused = {field: reason for field, reason in _REFUSED[operation].items() if _is_given(node, field)}
            for field, reason in refused.items():
                yield source.key_error((*path, *field), "cannot be set here", reason)
            yield from _violations(path, operation, node, frozenset(refused), source)
            yield from _variants(path, node, source)


def _is_given(node: MappingNode, field: KeyPath) -> bool:
    """A null removes our field, which is as legal as it is rare: InstanceType for a group of instance types."""
    given = find(node, field)
    return given is not None and not (isinstance(given, ScalarNode) and given.value is None)


def _violations(
    path: KeyPath, operation: str, node: MappingNode, refused: frozenset[KeyPath], source: Source
) -> Iterator[Diagnostic]:
    reported: set[KeyPath] = set()
    for violation in services.brief("sagemaker").check(operation, plain(node), partial=True):
        place = (*path, *violation.path)
        completed = violation.kind == "missing" and violation.path[:-1] in _COMPLETED
        known = place in reported or any(violation.path[: len(each)] == each for each in refused)
        if not completed and not known and source.is_sound(*place):
            reported.add(place)
            yield _diagnostic(place, operation, violation, find(node, violation.path), source)


def _diagnostic(
    path: KeyPath, operation: str, violation: service_model.Violation, node: Node | None, source: Source
) -> Diagnostic:
    meant = f"did you mean {violation.suggestion}?" if violation.suggestion else ""
    match violation.kind:
        case "unknown":
            message = f"{operation} has no such field here"
            return source.key_error(path, message, meant or f"expected {violation.expected}")
        case "missing":
            return source.key_error(path, "is missing; AWS demands it")
        case "length" | "range":
            return source.error(path, f"expected {violation.expected}; got {words.amount(node)}")
        case "type" if isinstance(node, ScalarNode):
            hint = words.value_hint(node, path, _TYPES.get(violation.expected, []), [])
        case "enum":
            hint = meant
        case _:
            hint = ""
    return source.error(path, f"expected {violation.expected}; got {words.got(node)}", hint)


def _variants(path: KeyPath, node: MappingNode, source: Source) -> Iterator[Diagnostic]:
    variants = find(node, ("ProductionVariants",))
    if isinstance(variants, ListNode) and len(variants.nodes) > 1:
        yield source.error(
            (*path, "ProductionVariants", 1), "shapemaker deploys one production variant", "keep the first one only"
        )
