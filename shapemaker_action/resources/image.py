"""An image in the registry: its tag is the digest of its build context, and the repository keeps tags immutable."""

from __future__ import annotations

import base64
import os
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from shapemaker_action.aws.wait import Wait, until
from shapemaker_action.containers import context as contexts
from shapemaker_action.containers import inherited
from shapemaker_action.containers.engine import ImageBuild, RegistryCredentials
from shapemaker_action.errors import ImageContractError, InvalidInputError
from shapemaker_action.events import LogLine, Notice
from shapemaker_action.naming import COMMIT_TAG, OWNER_TAG

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shapemaker_action.aws.session import Reply
    from shapemaker_action.config.project import Project, SecretSource
    from shapemaker_action.containers.context import ContextRequest
    from shapemaker_action.containers.engine import EngineName, Platform
    from shapemaker_action.containers.template import Target
    from shapemaker_action.context import Context
    from shapemaker_action.plan import Resource
    from shapemaker_action.resources.place import Place

SCHEMA2 = "application/vnd.docker.distribution.manifest.v2+json"
TAG_DIGITS = 16
GRAVITON = frozenset(
    {"c6g", "c6gd", "c6gn", "c7g", "c8g", "m6g", "m6gd", "m8g", "r6g", "r6gd", "r7gd", "r8g", "p6e-gb200"}
)


@dataclass(frozen=True, kw_only=True)
class Image:
    """`media_type` is compared: SageMaker refuses every manifest but Docker schema 2."""

    kind: ClassVar[str] = "image"
    borrowed: ClassVar[bool] = False

    tag: str
    owner: str
    repository: str = field(compare=False)
    registry: str = field(compare=False)
    media_type: str = SCHEMA2
    request: ContextRequest | None = field(default=None, compare=False, repr=False)
    digest: str = field(default="", compare=False)
    """`sha256:…` of the manifest; empty before it is pushed."""
    size: int = field(default=0, compare=False)
    """Compressed bytes of all layers."""

    @property
    def name(self) -> str:
        """`repository:tag`."""
        return f"{self.repository}:{self.tag}"

    @property
    def uri(self) -> str:
        """`registry/repository:tag`."""
        return f"{self.registry}/{self.name}"

    def read(self, context: Context) -> Image | None:
        """What the repository holds under the tag."""
        request = {"repositoryName": self.repository, "imageIds": [{"imageTag": self.tag}]}
        reply = context.aws.find("ecr", "DescribeImages", request)
        if not reply or not reply["imageDetails"]:
            return None
        found = reply["imageDetails"][0]
        return Image(
            tag=self.tag,
            owner=self.owner,
            repository=self.repository,
            registry=self.registry,
            media_type=str(found.get("imageManifestMediaType", "")),
            digest=str(found["imageDigest"]),
            size=int(found.get("imageSizeInBytes", 0)),
        )

    def create(self, context: Context) -> None:
        """Build, push, and read back what the registry made of it."""
        if self.request is None:
            raise AssertionError(f"BUG: an observed image {self.name} cannot be built")
        self._demand_repository(context)
        engine = context.engine()

        def say(line: str) -> None:
            context.emit(LogLine(source=self.tag, text=line))

        with tempfile.TemporaryDirectory(prefix="shapemaker-") as scratch, build_secrets(context) as secrets:
            built = contexts.write(self.request, Path(scratch) / "context")
            self._demand_content(built.digest)
            build = ImageBuild(
                context=built.directory,
                dockerfile=built.dockerfile,
                target=built.target,
                image=self.uri,
                platform=self.request.platform,
                args=built.args,
                secrets=secrets,
                labels={OWNER_TAG: context.project.name, **({COMMIT_TAG: context.commit} if context.commit else {})},
            )
            engine.build(build, say)
        engine.push(self.uri, credentials(context.aws.call("ecr", "GetAuthorizationToken")), say)
        self._demand_schema2(context)

    def update(self, context: Context, observed: Resource) -> None:
        """A tag with another manifest type cannot be replaced: tags are immutable."""
        raise ImageContractError(
            f"image {self.name} is in the registry as {getattr(observed, 'media_type', 'something else')}",
            state="SageMaker would refuse it; nothing was deployed",
            remedy=f"delete that tag in ECR, then run: {context.again('build')}",
        )

    def delete(self, context: Context) -> None:
        """Goes with its repository."""

    def _demand_repository(self, context: Context) -> None:
        """Asked before minutes of building; with a call that is allowed to whoever builds."""
        context.aws.call("ecr", "DescribeImages", {"repositoryName": self.repository, "maxResults": 1})

    def _demand_content(self, digest: str) -> None:
        """The tag was computed before the context was written; tags are immutable, so a wrong one would stay."""
        if not self.tag.endswith(f"-{digest[:TAG_DIGITS]}"):
            raise InvalidInputError(
                f"files of the repository changed while image {self.name} was being built",
                state="nothing was built or pushed under that name",
                remedy="let the editor or the job that writes them end, then run the same command again",
            )

    def _demand_schema2(self, context: Context) -> None:
        wait = Wait(subject=f"image {self.name} in the registry", deadline=60, remedy=context.again("build"))
        found = until(
            wait,
            lambda: self.read(context),
            lambda image: image is not None,
            lambda _: "not listed yet",
            clock=context.clock,
            emit=context.emit,
        )
        if found and found.media_type != SCHEMA2:
            self.update(context, found)


def credentials(reply: Reply) -> RegistryCredentials:
    """What `GetAuthorizationToken` gives, as `docker login` takes it."""
    data = reply["authorizationData"][0]
    username, _, password = base64.b64decode(data["authorizationToken"]).decode().partition(":")
    scheme, _, registry = str(data["proxyEndpoint"]).rstrip("/").partition("://")
    return RegistryCredentials(registry=registry, username=username, password=password, insecure=scheme == "http")


def wanted(context: Context, place: Place, target: Target) -> Image:
    """The image of one target, tagged by the digest of its build context; nothing is written."""
    request = build_request(context, target)
    digest = contexts.digest(request)
    return Image(
        tag=f"{target}-{digest[:TAG_DIGITS]}",
        owner=context.project.name,
        repository=place.repository,
        registry=place.registry,
        request=request,
    )


def build_request(context: Context, target: Target) -> ContextRequest:
    """The sections of the configuration that decide what the image is made of."""
    return context_request(context.project, context.root, target, context.engine().name)


def context_request(project: Project, root: Path, target: Target, engine: EngineName) -> ContextRequest:
    """As `build_request`, for an engine by its name."""
    build = project.build
    own = build.training_dockerfile if target == "training" else build.inference_dockerfile
    return contexts.ContextRequest(
        root=root,
        target=target,
        platform=platform(project, target),
        framework=build.framework,
        own_templates=build.templates,
        dockerfile=own,
        python=build.python,
        base_image=build.base_image,
        requirements=build.requirements,
        packages=build.packages,
        args=build.args,
        model=project.model,
        train_entrypoint=project.train.entrypoint,
        evaluate_entrypoint=project.evaluate.entrypoint,
        serve_app=project.serve.app,
        nginx=project.serve.nginx,
        accelerate=project.serve.accelerate.by,
        include=build.include,
        exclude=build.exclude,
        data=_data(project),
        engine=engine,
    )


def _data(project: Project) -> tuple[str, ...]:
    channels = [*project.train.channels.values(), *project.evaluate.channels.values()]
    local = [channel.source for channel in channels if not channel.is_remote]
    return (*local, *(request.file for request in project.invoke.requests))


def platform(project: Project, target: Target) -> Platform:
    """arm64 only where the endpoint runs on Graviton; SageMaker trains on amd64 alone."""
    family = project.deploy.instance.split(".")[1] if project.deploy.instance.count(".") == 2 else ""  # noqa: PLR2004
    return "linux/arm64" if target == "inference" and family in GRAVITON else "linux/amd64"


@contextmanager
def build_secrets(context: Context) -> Iterator[dict[str, Path]]:
    """Each BuildKit secret as a file: what this machine's pip uses, and over it what is configured."""
    with tempfile.TemporaryDirectory(prefix="shapemaker-secrets-") as folder:
        taken = inherited.secrets(os.environ, Path(folder))
        if taken:
            context.emit(Notice(text=f"the build uses this machine's {', '.join(sorted(taken))} as secrets"))
        given = {
            name: _secret_file(context, name, source, Path(folder))
            for name, source in context.project.build.secrets.items()
        }
        yield {**taken, **given}


def _secret_file(context: Context, name: str, source: SecretSource, folder: Path) -> Path:
    if source.file:
        path = context.root / Path(source.file).expanduser()
        if path.is_file():
            return path
        raise InvalidInputError(
            f"build secret '{name}': there is no file {source.file}",
            state="nothing was built",
            remedy="mend build.secrets in shapemaker.yml, or make the file",
        )
    value = os.environ.get(source.env)
    if value is None:
        raise InvalidInputError(
            f"build secret '{name}': the variable {source.env} is not set",
            state="nothing was built",
            remedy=f"set {source.env} (in a workflow: env: {source.env}: ${{{{ secrets.{source.env} }}}})",
        )
    path = folder / name
    path.touch(mode=0o600)
    path.write_text(value, encoding="utf-8")
    return path
