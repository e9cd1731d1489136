"""Why an image build failed, read from its output: one sentence, the lines that prove it, and what to do."""

from __future__ import annotations

import re
from dataclasses import dataclass

from shapemaker_action.errors import EnvironmentProblemError, ImageBuildError, ShapemakerError

_KEPT = 12
_PREFIX = re.compile(r"^#\d+ (?:sha256:\w+ )?(?:\d+\.\d+ )?")
_NOISE = re.compile(r"-+|>>>.*|(?:DONE|CACHED|sha256:).*|\d+ \| .*|.*new release of pip.*|.*WARNING: Running pip as.*")


@dataclass(frozen=True, kw_only=True)
class Cause:
    """A pattern in the output, and what it means. `says` and `remedy` may use the pattern's groups."""

    pattern: str
    says: str
    remedy: str
    error: type[ShapemakerError] = ImageBuildError


# The first entry that matches anywhere wins: an unreachable index also ends in "No matching distribution".
CAUSES = (
    Cause(
        pattern=r"(?i)no space left on device",
        says="the disk is full",
        remedy="free some space (docker system prune frees a lot), then run the same command again",
        error=EnvironmentProblemError,
    ),
    Cause(
        pattern=r"Cannot connect to the Docker daemon|error during connect|Is the docker daemon running",
        says="the docker daemon does not answer",
        remedy="start the docker daemon, then run the same command again",
        error=EnvironmentProblemError,
    ),
    Cause(
        pattern=r"CERTIFICATE_VERIFY_FAILED|certificate verify failed|x509: certificate",
        says="a TLS certificate was not accepted during the build",
        remedy="give the build your CA certificates: build.secrets: {ca_bundle: {file: /path/to/ca.pem}}",
        error=EnvironmentProblemError,
    ),
    Cause(
        pattern=r"Temporary failure in name resolution|Name or service not known|Network is unreachable"
        r"|Temporary failure resolving|NewConnectionError|ProxyError|ConnectTimeoutError",
        says="the build has no network",
        remedy="set SHAPEMAKER_BUILD_NETWORK=host if only the host has one, or give the build a proxy with "
        "build.secrets: {proxy_env: {file: PATH}}",
        error=EnvironmentProblemError,
    ),
    Cause(
        pattern=r"No matching distribution found for (?P<what>\S+)",
        says="the requirement {what} cannot be found for this version of Python",
        remedy="correct its name or version in the requirements, or set build.python to a version that it supports",
    ),
    Cause(
        pattern=r"ResolutionImpossible|Cannot install (?P<what>.+) because these package versions have conflicting",
        says="the requirements contradict each other",
        remedy="loosen one of the versions named in the last lines",
    ),
    Cause(
        pattern=r"Invalid requirement: (?P<what>.+?)(?: \(from .*)?$",
        says="{what} is no requirement that pip understands",
        remedy="correct the line in the requirements",
    ),
    Cause(
        pattern=r"Failed building wheel for|Failed to build \S|command '\S*(?:gcc|cc|g\+\+)' failed",
        says="a requirement without a ready-made wheel could not be compiled",
        remedy="choose a version that has a wheel for this Python, or install the compiler with build.packages",
    ),
    Cause(
        pattern=r"Unable to locate package (?P<what>\S+)",
        says="there is no Debian package {what}",
        remedy="correct build.packages",
    ),
    Cause(
        pattern=r"(?:failed to resolve source metadata for|failed to solve with frontend.*?|initializing source docker://)"
        r".*?(?P<what>[\w./:@-]+): .*(?:not found|denied|unauthorized|no such host|manifest unknown)"
        r"|pull access denied for (?P<name>[\w./-]+)",
        says="the base image cannot be pulled",
        remedy="correct build.base_image (or FROM), log in to its registry, or pull it beforehand",
    ),
    Cause(
        pattern=r"exec format error",
        says="a program for another processor architecture was started during the build",
        remedy="use a base image for the wanted platform, and install QEMU's binfmt handlers to build for another one",
    ),
    Cause(
        pattern=r"failed to compute cache key|COPY failed|checking on sources under",
        says="the Dockerfile copies a file that the build context does not have",
        remedy="add it to the repository, or stop .dockerignore from dropping it",
    ),
    Cause(
        pattern=r"dockerfile parse error|unknown instruction|target stage .* could not be found",
        says="the Dockerfile is not valid",
        remedy="correct the line named below",
    ),
)


def explain(image: str, output: list[str]) -> ShapemakerError:
    """The error for a build whose last lines of output are `output`."""
    lines = [_PREFIX.sub("", line).rstrip() for line in output]
    useful = [line for line in lines if line and not _NOISE.fullmatch(line)]
    details = tuple(useful[-_KEPT:])
    for cause in CAUSES:
        for line in reversed(useful):
            if match := re.search(cause.pattern, line):
                known = {name: value or "" for name, value in match.groupdict().items()}
                shown = details if line in details else (line, *details)
                return cause.error(
                    f"the image {image} was not built: {cause.says.format(**known)}",
                    state="nothing was pushed",
                    remedy=cause.remedy.format(**known) if known else cause.remedy,
                    details=shown,
                )
    return ImageBuildError(
        f"the image {image} was not built",
        state="nothing was pushed",
        remedy="the last lines of the build say why; mend that and run the same command again",
        details=details,
    )
