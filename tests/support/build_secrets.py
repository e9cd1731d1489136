"""What image builds of the tests need to reach a package index from here, as files for BuildKit secrets."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

FOR_CONTAINERS = ("index-url", "extra-index-url", "trusted-host", "timeout", "default-timeout", "retries")
AUTHORITIES = ("SSL_CERT_FILE", "PIP_CERT", "REQUESTS_CA_BUNDLE")
SYSTEM_AUTHORITIES = Path("/etc/ssl/certs/ca-certificates.crt")


def build_secrets(folder: Path) -> dict[str, Path]:
    """Secret id to file: `pip_config` (written into `folder`) if pip is configured, `ca_bundle` if there is one."""
    secrets = {}
    options = pip_options()
    if options:
        secrets["pip_config"] = folder / "pip.conf"
        lines = [f"{name} = {value}" for name, value in sorted(options.items())]
        secrets["pip_config"].write_text("\n".join(["[global]", *lines, ""]))
    bundle = ca_bundle()
    if bundle:
        secrets["ca_bundle"] = bundle
    return secrets


def pip_options() -> dict[str, str]:
    """pip's own view of its files and variables, without what only makes sense on this machine."""
    command = [sys.executable, "-m", "pip", "config", "list"]
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    options: dict[str, str] = {}
    for line in sorted(listed, key=lambda line: line.startswith(":env:")):
        key, _, value = line.partition("=")
        name = key.rpartition(".")[2]
        reachable = [word for word in str(ast.literal_eval(value)).split() if not word.startswith(("/", "file:"))]
        if name in FOR_CONTAINERS and reachable:
            options[name] = " ".join(reachable)
    return options


def ca_bundle() -> Path | None:
    """The certificates that this machine's tools are told to trust, else the system's."""
    named = [Path(os.environ[name]) for name in AUTHORITIES if os.environ.get(name)]
    return next((path for path in [*named, SYSTEM_AUTHORITIES] if path.is_file()), None)
