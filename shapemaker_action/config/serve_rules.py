"""Serving, the endpoint's instances and the sample requests."""

from __future__ import annotations

import json

from shapemaker_action.config import aws_facts, environment_rules, job_rules, paths, services, variables
from shapemaker_action.config.build_rules import similar
from shapemaker_action.config.complete import CONTENT_TYPES
from shapemaker_action.config.node import ListNode, MappingNode, find, quoted, shortened

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from shapemaker_action.config.node import KeyPath
    from shapemaker_action.config.project import Project, RequestSettings
    from shapemaker_action.config.source import Source
    from shapemaker_action.diagnostics import Diagnostic

_ANY_APPLICATION = ("workers", "timeout")
"""What gunicorn heeds for any application."""
_REQUESTS: KeyPath = ("invoke", "requests")


def check(project: Project, source: Source) -> Iterator[Diagnostic]:
    """The inference container, what it runs on and what it is asked."""
    yield from _app(project, source)
    yield from _own_application(project, source)
    yield from environment_rules.check(
        ("serve", "environment"), project.serve.environment, environment_rules.MODEL, source
    )
    yield from job_rules.instance(("deploy", "instance"), project.deploy.instance, "hosting", source)
    yield from job_rules.instance_count(("deploy", "instance_count"), project.deploy.instance_count, source)
    yield from _compiled(project, source)
    yield from _requests(project, source)


def _compiled(project: Project, source: Source) -> Iterator[Diagnostic]:
    """SageMaker trains on x86 alone, and compiles there."""
    if project.serve.accelerate.by == "compiled" and aws_facts.is_arm(project.deploy.instance):
        instance = quoted(project.deploy.instance)
        yield source.error(
            ("serve", "accelerate"),
            f"the trees are compiled where they are trained, for x86, and {instance} has an Arm (Graviton) processor",
            "choose builtin or onnx, or another deploy.instance",
        )


def _app(project: Project, source: Source) -> Iterator[Diagnostic]:
    if not project.serve.app:
        return
    # asgi: or wsgi: may come first, and a module may be called so, too.
    module = project.serve.app.split(":")[-2]
    if module_file(source, module) is None:
        yield no_module(("serve", "app"), module, source)


def _own_application(project: Project, source: Source) -> Iterator[Diagnostic]:
    """Settings of our application, which the user's own replaces."""
    if not project.serve.app:
        return
    for name in (*(each for each in variables.NAMES if each not in _ANY_APPLICATION), "accelerate"):
        path: KeyPath = ("serve", name)
        if find(source.document, path) is not None and source.is_sound(*path):
            yield source.key_error(
                path, "is of shapemaker's application, and serve.app replaces that", f"remove {name} or app"
            )


def no_module(path: KeyPath, module: str, source: Source) -> Diagnostic:
    """The finding for a module that the repository does not have."""
    base = module.replace(".", "/")
    hint = similar(source.directory, f"{base}.py")
    return source.error(path, f"there is no {base}.py or {base}/__init__.py in the repository", hint)


def module_file(source: Source, module: str) -> str | None:
    """The file of a module of the repository."""
    base = module.replace(".", "/")
    return next((each for each in (f"{base}/__init__.py", f"{base}.py") if paths.is_file(source.directory, each)), None)


def _requests(project: Project, source: Source) -> Iterator[Diagnostic]:
    listing = find(source.document, _REQUESTS)
    if not isinstance(listing, ListNode):
        return
    by_file = {request.file: request for request in project.invoke.requests}
    for index, node in enumerate(listing.nodes):
        if not source.is_sound(*_REQUESTS, index):
            continue
        path: KeyPath = (*_REQUESTS, index, "file") if isinstance(node, MappingNode) else (*_REQUESTS, index)
        found = find(source.document, path)
        text = str(getattr(found, "value", ""))
        files = paths.matching(source.directory, text)
        if not files:
            yield _no_match(path, text, source)
        for file in files:
            yield from _request(path, by_file[file], source)


def _no_match(path: KeyPath, text: str, source: Source) -> Diagnostic:
    fault = paths.fault(source.directory, text)
    if fault:
        return source.error(path, f"{quoted(text)} {fault}")
    if paths.is_folder(source.directory, text):
        return source.error(path, f"{quoted(text)} is a folder", f"write {text.rstrip('/')}/*")
    return source.error(
        path, f"{quoted(text)} matches no file of the repository", "remove it, or add a sample request there"
    )


def _request(path: KeyPath, request: RequestSettings, source: Source) -> Iterator[Diagnostic]:
    if not request.content_type:
        yield source.error(
            path,
            f"the content type of {quoted(request.file)} does not follow from its name",
            f"write {{file: {request.file}, content_type: …}}; known are {', '.join(sorted(CONTENT_TYPES))}",
        )
    body = _read(path, request.file, source)
    if isinstance(body, bytes):
        yield from _body(path, request, body, source)
    else:
        yield body


def _read(path: KeyPath, file: str, source: Source) -> bytes | Diagnostic:
    limit = _limit()
    try:
        with (source.directory / file).open("rb") as stream:
            return stream.read(limit + 1)
    except OSError as error:
        return source.error(path, f"{quoted(file)} cannot be read: {error.strerror}")


def _limit() -> int:
    return int(services.brief("sagemaker-runtime").shape("BodyBlob")["max"])


def _body(path: KeyPath, request: RequestSettings, body: bytes, source: Source) -> Iterator[Diagnostic]:
    if len(body) > _limit():
        yield source.error(path, f"{quoted(request.file)} is larger than the {_limit()} bytes that an endpoint takes")
    elif request.content_type.partition(";")[0].strip() == "application/json":
        try:
            json.loads(body)
        except (ValueError, RecursionError) as error:
            reason = shortened(str(error))
            message = f"{quoted(request.file)} is sent as JSON, but is none: {reason[:1].lower()}{reason[1:]}"
            yield source.error(path, message)
