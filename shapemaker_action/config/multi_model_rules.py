"""An endpoint with many models: what it takes of the rest of the configuration, and what each request must say."""

from __future__ import annotations

from shapemaker_action.config.node import ListNode, MappingNode, find

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from shapemaker_action.config.node import KeyPath
    from shapemaker_action.config.project import Project
    from shapemaker_action.config.source import Source
    from shapemaker_action.diagnostics import Diagnostic

_MODE: KeyPath = ("deploy", "api", "CreateModel", "PrimaryContainer", "Mode")
_SERVERLESS: KeyPath = ("deploy", "api", "CreateEndpointConfig", "ProductionVariants", 0, "ServerlessConfig")
_COMPRESSION: KeyPath = ("train", "api", "CreateTrainingJob", "OutputDataConfig", "CompressionType")
_REQUESTS: KeyPath = ("invoke", "requests")


def check(project: Project, source: Source) -> Iterator[Diagnostic]:
    """Nothing that SageMaker would refuse, or answer with an error on every request."""
    yield from _requests(source, is_multi_model=project.deploy.is_multi_model)
    if not project.deploy.is_multi_model:
        return
    if project.serve.app and not project.build.inference_dockerfile:
        yield source.key_error(
            ("serve", "app"),
            "an application of your own has no multi-model API here: the image does not promise it",
            f"remove app, or {_dotted(_MODE)}, or bring a Dockerfile with the label of multi-model containers",
        )
    if source.is_written(*_SERVERLESS):
        yield source.key_error(
            _SERVERLESS, "a serverless endpoint has one model", f"remove it, or {_dotted(_MODE)}: MultiModel"
        )
    compression = find(source.document, _COMPRESSION)
    if getattr(compression, "value", "") == "NONE":
        yield source.error(
            _COMPRESSION,
            "a multi-model endpoint takes its models from archives",
            f"remove it, or {_dotted(_MODE)}: MultiModel",
        )


def _requests(source: Source, *, is_multi_model: bool) -> Iterator[Diagnostic]:
    listing = find(source.document, _REQUESTS)
    for index, node in enumerate(listing.nodes if isinstance(listing, ListNode) else ()):
        path: KeyPath = (*_REQUESTS, index)
        target = find(node, ("target_model",)) if isinstance(node, MappingNode) else None
        is_named = bool(getattr(target, "value", ""))
        if is_named and not is_multi_model and source.is_sound(*path):
            yield source.key_error(
                (*path, "target_model"),
                "this endpoint has one model, and takes no request that names one",
                f"remove it, or write {_dotted(_MODE)}: MultiModel",
            )
        elif is_multi_model and not is_named and source.is_sound(*path):
            yield source.error(
                path,
                "names no model, and a multi-model endpoint has many",
                "write {file: …, target_model: model.tar.gz}, which is the one that was trained",
            )


def _dotted(path: KeyPath) -> str:
    return ".".join(map(str, path))
