"""Installed requirements as image layers, made once for equal requirements and one version of Python."""

from __future__ import annotations

import importlib.metadata
import platform
import shutil
import sys
import sysconfig
import venv
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from shapemaker_action import naming
from shapemaker_action.containers import build_failure, command, process_store
from shapemaker_action.containers.process_store import Layer, Store
from shapemaker_action.errors import EnvironmentProblemError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from shapemaker_action.containers.engine import ImageBuild

PACKAGES = "opt/shapemaker/packages"
"""Where in the image the packages of layer `0`, `1`, … are."""


@dataclass(frozen=True, kw_only=True)
class Packages:
    """An installed set of requirements; `pins` are its `name==version` lines."""

    layer: Layer
    pins: tuple[str, ...]


class Installer:
    """Installs what `build` asks for into layers of `store`."""

    def __init__(self, store: Store, environ: Mapping[str, str], build: ImageBuild) -> None:
        self._store = store
        self._build = build
        self._environ = {**environ, **_variables(build)}

    def install(
        self, files: tuple[str, ...], number: int, before: tuple[Packages, ...], on_line: Callable[[str], None]
    ) -> Packages:
        """The layer with the requirements of `files`, which agree with the layers `before` it."""
        wanted = {name: (self._build.context / name).read_text("utf-8") for name in files}
        pins = tuple(sorted({pin for each in before for pin in each.pins}))
        key = naming.digest([number, wanted, pins, platform.python_version(), sysconfig.get_platform()])
        place = self._store.root / "packages" / f"{key}.json"
        known = _known(place)
        if known and self._store.blob(known.layer.digest).is_file():
            on_line(f"packages of {', '.join(files)}: already installed")
            return known
        made = self._fresh(files, pins, number, on_line)
        place.parent.mkdir(parents=True, exist_ok=True)
        process_store.write_json(place, asdict(made))
        return made

    def _fresh(
        self, files: tuple[str, ...], pins: tuple[str, ...], number: int, on_line: Callable[[str], None]
    ) -> Packages:
        with self._store.draft() as draft:
            target = draft / "layer" / PACKAGES / str(number)
            target.mkdir(parents=True)
            constraints = draft / "constraints.txt"
            constraints.write_text("\n".join(pins), "utf-8")
            self._run([*self._tool(), "--target", str(target), "--constraint", str(constraints)], files, on_line)
            layer = self._store.put_layer(draft / "layer")
            found = importlib.metadata.distributions(path=[str(target)])
            return Packages(layer=layer, pins=tuple(sorted(f"{each.name}=={each.version}" for each in found)))

    def _run(self, argv: list[str], files: tuple[str, ...], on_line: Callable[[str], None]) -> None:
        words = [word for name in files for word in ("--requirement", str(self._build.context / name))]
        done = command.stream([*argv, *words], self._environ, on_line)
        if done.code != 0:
            raise build_failure.explain(self._build.image, done.last)

    def _tool(self) -> list[str]:
        # Asked as a program: this process may run without the site-packages where pip is.
        if command.ask([sys.executable, "-m", "pip", "--version"], self._environ).code == 0:
            # Compiled files would carry times, and the layer's bytes with them.
            return [sys.executable, "-m", "pip", "install", "--no-compile", "--no-input"]
        uv = shutil.which("uv", path=self._environ.get("PATH"))
        if uv is None:
            raise EnvironmentProblemError(
                "the process engine needs pip or uv to install the requirements",
                remedy="install pip into the environment of shapemaker, or use docker or podman",
            )
        if "pip_config" in self._build.secrets:
            raise EnvironmentProblemError(
                "the build secret pip_config is for pip, but only uv is here",
                remedy="install pip into the environment of shapemaker",
            )
        return [uv, "pip", "install", "--python", sys.executable]


def _known(place: Path) -> Packages | None:
    if not place.is_file():
        return None
    document = process_store.read_json(place)
    layer = document["layer"]
    pins = document["pins"]
    if not isinstance(layer, dict) or not isinstance(pins, list):
        return None
    return Packages(
        layer=Layer(digest=str(layer["digest"]), diff_id=str(layer["diff_id"]), size=int(str(layer["size"]))),
        pins=tuple(str(pin) for pin in pins),
    )


def _variables(build: ImageBuild) -> dict[str, str]:
    """The secrets of the template's Dockerfile, as the variables that pip and uv know."""
    names = {"pip_config": "PIP_CONFIG_FILE", "netrc": "NETRC"}
    found = {names[key]: str(path) for key, path in build.secrets.items() if key in names}
    if bundle := build.secrets.get("ca_bundle"):
        found |= {"PIP_CERT": str(bundle), "SSL_CERT_FILE": str(bundle)}
    if proxies := build.secrets.get("proxy_env"):
        lines = proxies.read_text("utf-8").splitlines()
        found |= dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))
    return found


def interpreter(store: Store) -> Path:
    """A Python of this version that sees no packages but those of the image."""
    place = store.root / "python" / naming.digest([sys.version, sys.prefix, sys.executable])[: naming.SHORT]
    program = place / "bin" / "python"
    if not program.exists():
        with store.draft() as draft:
            venv.create(draft / "python", with_pip=False, symlinks=True)
            process_store.move(draft / "python", place)
    return program
