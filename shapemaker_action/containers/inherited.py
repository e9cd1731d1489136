"""How this machine reaches its package index, as files for build secrets: pip's configuration, CA bundle, proxies.

A user behind a company proxy has these set already. Handing them to the build saves everybody the question why pip
works outside of the image and not inside; as secrets they leave no trace in it.
"""

from __future__ import annotations

import configparser
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

OPTIONS = ("index-url", "extra-index-url", "trusted-host", "timeout", "retries")
"""What says where packages come from; the rest of a pip.conf is about this machine."""

AUTHORITIES = ("PIP_CERT", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")


def secrets(environ: Mapping[str, str], folder: Path) -> dict[str, Path]:
    """Secret id to file, written into `folder` where it isn't a file already; empty where nothing is special."""
    options = _pip_options(environ)
    bundle = _bundle(environ, options.pop("cert", ""))
    texts = {
        "pip_config": "\n".join(["[global]", *(f"{k} = {v}" for k, v in sorted(options.items()))]) if options else "",
        "proxy_env": "\n".join(f"{name}={value}" for name, value in _proxies(environ)),
    }
    found = {name: _written(folder / name, text) for name, text in texts.items() if text}
    return {**found, **({"ca_bundle": bundle} if bundle else {})}


def _pip_options(environ: Mapping[str, str]) -> dict[str, str]:
    """The options of pip from its files and variables, the stronger ones last."""
    options: dict[str, str] = {}
    for path in _files(environ):
        parser = configparser.RawConfigParser(strict=False)
        try:
            parser.read_string(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, configparser.Error):
            # A file that pip itself could not read says nothing to us, either.
            continue
        for section in ("global", "install"):
            options.update(dict(parser.items(section)) if parser.has_section(section) else {})
    options.update(
        {name: environ[key] for name in OPTIONS if (key := f"PIP_{name.upper().replace('-', '_')}") in environ}
    )
    reachable = {name: _reachable(options.get(name, "")) for name in OPTIONS}
    cert = {"cert": options["cert"]} if "cert" in options else {}
    return {name: value for name, value in reachable.items() if value} | cert


def _files(environ: Mapping[str, str]) -> Iterator[Path]:
    yield Path("/etc/pip.conf")
    if home := environ.get("HOME"):
        yield Path(home) / ".pip" / "pip.conf"
        yield Path(environ.get("XDG_CONFIG_HOME") or Path(home) / ".config") / "pip" / "pip.conf"
    if named := environ.get("PIP_CONFIG_FILE"):
        yield Path(named)


def _reachable(value: str) -> str:
    """Folders of this machine are not in a container."""
    return " ".join(word for word in value.split() if not word.startswith(("/", "file:")))


def _bundle(environ: Mapping[str, str], configured: str) -> Path | None:
    named = [environ.get(name, "") for name in AUTHORITIES]
    return next((path for text in [*named, configured] if text and (path := Path(text)).is_file()), None)


def _proxies(environ: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for name in PROXIES:
        value = environ.get(name) or environ.get(name.lower())
        if value:
            yield from ((name, value), (name.lower(), value))


def _written(path: Path, text: str) -> Path:
    path.touch(mode=0o600)
    path.write_text(f"{text}\n", encoding="utf-8")
    return path
