"""Which docker client on this machine can build with BuildKit, and the words it wants for it."""

from __future__ import annotations

import csv
import io
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from shapemaker_action.containers import command
from shapemaker_action.errors import EnvironmentProblemError, InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shapemaker_action.containers.engine import ImageBuild

NETWORK = "SHAPEMAKER_BUILD_NETWORK"
"""The network of build steps, `host` for instance; empty for the engine's default."""

_ATTESTING = (0, 10)
"""From this version on buildx attaches attestations, which turn the image into an OCI index."""
_FORGOT_BUILDKIT = 23
"""From this major version on, the docker client builds with BuildKit only through buildx."""


@dataclass(frozen=True, kw_only=True)
class Builder:
    """A docker client and its way to BuildKit."""

    client: str
    kind: Literal["buildx", "classic"]
    attests: bool

    def argv(self, build: ImageBuild, *, containerd: bool) -> list[str]:
        """The command without the options that every engine shares. `containerd`: the daemon keeps images there."""
        if self.kind == "classic":
            return [self.client, "build", "--progress=plain", "--tag", build.image]
        # The containerd store keeps the manifest as built; the classic one makes a Docker manifest at each push.
        output = f"type=image,name={build.image},oci-mediatypes=false" if containerd else "type=docker"
        plain = ["--provenance=false", "--sbom=false"] if self.attests else []
        return [self.client, "buildx", "build", "--progress=plain", "--tag", build.image, *plain, "--output", output]

    @property
    def environment(self) -> dict[str, str]:
        """What must be set for this client."""
        return {"DOCKER_BUILDKIT": "1"} if self.kind == "classic" else {}


def clients(environ: Mapping[str, str], program: str = "docker") -> list[str]:
    """Every program of that name on PATH, the first one first."""
    folders = (Path(each) for each in environ.get("PATH", os.defpath).split(os.pathsep) if each)
    places = dict.fromkeys(str(folder / program) for folder in folders)
    return [place for place in places if os.access(place, os.X_OK) and Path(place).is_file()]


def find(environ: Mapping[str, str]) -> Builder:
    """The first client that can build; `EnvironmentProblemError` lists what was tried."""
    tried: list[str] = []
    for client in clients(environ):
        buildx = command.ask([client, "buildx", "version"], environ)
        if buildx.code == 0:
            return Builder(client=client, kind="buildx", attests=_version(buildx.output, (1, 0)) >= _ATTESTING)
        told = command.ask([client, "--version"], environ).output.strip()
        if _version(told, (_FORGOT_BUILDKIT, 0))[0] < _FORGOT_BUILDKIT:
            return Builder(client=client, kind="classic", attests=False)
        tried.append(f"{client}: {told or 'does not answer'}, without buildx")
    raise EnvironmentProblemError(
        "no docker client on PATH can build with BuildKit",
        remedy="install the docker-buildx-plugin package, or podman with build.engine: podman",
        details=tuple(tried),
    )


def _version(text: str, otherwise: tuple[int, int]) -> tuple[int, int]:
    match = re.search(r"\bv?(\d+)\.(\d+)", text)
    return (int(match[1]), int(match[2])) if match else otherwise


def options(build: ImageBuild, environ: Mapping[str, str]) -> list[str]:
    """The options that all builders share, with the context at their end."""
    words = ["--platform", build.platform, "--file", str(build.context / build.dockerfile)]
    words += ["--target", build.target] if build.target else []
    words += ["--network", environ[NETWORK]] if environ.get(NETWORK) else []
    for key, value in sorted(build.args.items()):
        words += ["--build-arg", f"{key}={value}"]
    for key, value in sorted(build.labels.items()):
        words += ["--label", f"{key}={value}"]
    for name, place in sorted(build.secrets.items()):
        if not place.is_file():
            raise InvalidInputError(
                f"the build secret {name} is not at {place}", remedy=f"correct build.secrets.{name}"
            )
        words += ["--secret", fields(f"id={name}", f"src={place}")]
    return [*words, str(build.context)]


def fields(*pairs: str) -> str:
    """Comma-separated options, quoted as engines read them: a path may hold a comma."""
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(pairs)
    return line.getvalue()
