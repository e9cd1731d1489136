from __future__ import annotations

import pytest

from shapemaker_action.containers.build_failure import explain
from shapemaker_action.errors import EnvironmentProblemError, ImageBuildError, ShapemakerError

CASES: dict[str, tuple[str, type[ShapemakerError], str, str]] = {
    # name: (the build's output, class of error, part of the message, part of the remedy)
    "a requirement that isn't there": (
        (
            "#9 2.101 ERROR: Could not find a version that satisfies the requirement nopkg==1 (from versions: none)\n"
            "#9 2.102 ERROR: No matching distribution found for nopkg==1\n"
            "#9 ERROR: executor failed running [/bin/sh -c pip install -r requirements.txt]: exit code: 1"
        ),
        ImageBuildError,
        "the requirement nopkg==1 cannot be found",
        "requirements",
    ),
    "an index behind an unknown certificate": (
        (
            "#9 1.0 WARNING: Retrying after connection broken by 'SSLError(SSLCertVerificationError(1, '[SSL: "
            "CERTIFICATE_VERIFY_FAILED] certificate verify failed: unable to get local issuer certificate'))'\n"
            "#9 9.0 ERROR: No matching distribution found for six"
        ),
        EnvironmentProblemError,
        "certificate",
        "ca_bundle",
    ),
    "no network": (
        (
            "WARNING: Retrying (Retry(total=0)) after connection broken by 'NewConnectionError('Failed to make a new "
            "connection: [Errno -3] Temporary failure in name resolution')'\n"
            "ERROR: No matching distribution found for six"
        ),
        EnvironmentProblemError,
        "no network",
        "SHAPEMAKER_BUILD_NETWORK",
    ),
    "a full disk": (
        "#9 3.1 ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device",
        EnvironmentProblemError,
        "disk is full",
        "free some space",
    ),
    "contradicting requirements": (
        (
            "#9 3.1 ERROR: Cannot install a==1 and b==2 because these package versions have conflicting dependencies.\n"
            "#9 3.2 ERROR: ResolutionImpossible: for help visit the documentation"
        ),
        ImageBuildError,
        "contradict",
        "loosen",
    ),
    "a line that is no requirement": (
        "#9 0.9 ERROR: Invalid requirement: 'six=1': Expected end or semicolon (from line 1 of requirements.txt)",
        ImageBuildError,
        "'six=1'",
        "correct the line",
    ),
    "a compiler that is missing": (
        "  error: command 'gcc' failed: No such file or directory\n  ERROR: Failed building wheel for x",
        ImageBuildError,
        "could not be compiled",
        "build.packages",
    ),
    "a Debian package that isn't there": (
        "#5 1.1 E: Unable to locate package libnope",
        ImageBuildError,
        "no Debian package libnope",
        "build.packages",
    ),
    "a base image that isn't there, with buildx": (
        (
            "ERROR: failed to solve: nope:1: failed to resolve source metadata for registry.example/library/nope:1: "
            "pull access denied, repository does not exist or may require authorization"
        ),
        ImageBuildError,
        "base image",
        "build.base_image",
    ),
    "a base image whose registry is not there, with podman": (
        (
            "Error: creating build container: initializing source docker://nope:1: pinging container registry "
            "registry.example: dial tcp: lookup registry.example: no such host"
        ),
        ImageBuildError,
        "base image",
        "build.base_image",
    ),
    "a daemon that is down": (
        "ERROR: Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?",
        EnvironmentProblemError,
        "daemon does not answer",
        "start",
    ),
    "another architecture": (
        "#6 0.2 exec /bin/sh: exec format error",
        ImageBuildError,
        "architecture",
        "platform",
    ),
    "a file that isn't in the context": (
        'failed to compute cache key: "/missing" not found: not found',
        ImageBuildError,
        "does not have",
        ".dockerignore",
    ),
    "a broken Dockerfile": (
        "failed to solve with frontend dockerfile.v0: dockerfile parse error line 2: unknown instruction: RUNN",
        ImageBuildError,
        "not valid",
        "correct the line",
    ),
    "something else": ("#9 0.1 make: *** [all] Error 1", ImageBuildError, "was not built", "the last lines"),
    "nothing at all": ("", ImageBuildError, "was not built", "the last lines"),
}


@pytest.mark.parametrize("name", CASES)
def test_the_cause_is_named_with_a_remedy(name: str) -> None:
    output, kind, message, remedy = CASES[name]
    error = explain("registry/x:1", output.splitlines())
    assert type(error) is kind
    assert message in error.message
    assert remedy in error.remedy
    assert error.state == "nothing was pushed"


def test_details_are_the_last_lines_without_noise() -> None:
    lines = ["#1 [internal] load build definition", "#9 0.1 ERROR: No matching distribution found for six", "------"]
    error = explain("x", [*lines, *(f"#9 {n}.0 step {n}" for n in range(40)), "", "#10 DONE 0.1s"])
    assert error.details[0] == "ERROR: No matching distribution found for six"
    assert error.details[-1] == "step 39"
    assert len(error.details) == 13
