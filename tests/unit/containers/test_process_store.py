from __future__ import annotations

import io
import os
import tarfile
from typing import TYPE_CHECKING

import pytest

from shapemaker_action.containers import process_store
from shapemaker_action.containers.process_store import Store
from shapemaker_action.errors import EnvironmentProblemError
from tests.support import repository

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

FILES = {"opt/program/a.py": "1", "opt/program/deep/b.py": "2", "opt/run": "3"}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def test_equal_files_are_an_equal_layer_whatever_their_times_and_modes(store: Store, tmp_path: Path) -> None:
    one, two = (repository.write(tmp_path / name, FILES) for name in ("one", "two"))
    for each in two.rglob("*"):
        each.chmod(0o700 if each.is_dir() else 0o600)
        os.utime(each, (1, 1))
    assert store.put_layer(one) == store.put_layer(two)
    (two / "opt" / "run").chmod(0o700)
    assert store.put_layer(one).digest != store.put_layer(two).digest


def test_a_layer_comes_back_as_it_was(store: Store, tmp_path: Path) -> None:
    folder = repository.write(tmp_path / "files", FILES)
    (folder / "opt" / "run").chmod(0o755)
    place = store.unpacked(store.put_layer(folder).digest)
    assert {path: (place / path).read_text() for path in FILES} == FILES
    assert os.access(place / "opt" / "run", os.X_OK)
    assert store.unpacked(store.put_layer(folder).digest) == place
    assert not list(store.root.glob("draft-*"))


def add_link(archive: tarfile.TarFile) -> None:
    entry = tarfile.TarInfo("link")
    entry.type, entry.linkname = tarfile.SYMTYPE, "/etc/passwd"
    archive.addfile(entry)


def add_file(name: str) -> Callable[[tarfile.TarFile], None]:
    def add(archive: tarfile.TarFile) -> None:
        entry = tarfile.TarInfo(name)
        entry.size = 1
        archive.addfile(entry, io.BytesIO(b"x"))

    return add


@pytest.mark.parametrize("add", [add_link, add_file("/absolute"), add_file("../outside"), add_file("a/../../outside")])
def test_a_layer_that_reaches_outside_is_refused(
    store: Store, tmp_path: Path, add: Callable[[tarfile.TarFile], None]
) -> None:
    with tarfile.open(tmp_path / "bad.tar.gz", "w:gz") as archive:
        add(archive)
    digest = store.put((tmp_path / "bad.tar.gz").read_bytes())
    with pytest.raises(EnvironmentProblemError, match="no plain file or folder inside it"):
        store.unpacked(digest)
    assert not (tmp_path / "outside").exists()
    assert not list((store.root / "layers").glob("*")) if (store.root / "layers").exists() else True


@pytest.mark.parametrize("damage", [lambda content: content[:-90], lambda content: content[:60] + b"x" + content[61:]])
def test_a_damaged_layer_is_refused(store: Store, tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    layer = store.put_layer(repository.write(tmp_path / "files", FILES))
    digest = store.put(damage(store.blob(layer.digest).read_bytes()))
    with pytest.raises(EnvironmentProblemError, match="is damaged"):
        store.unpacked(digest)


def test_a_name_means_the_last_image_it_was_given_to(store: Store) -> None:
    assert store.find("host/salary:1") == ""
    config = {"config": {"Entrypoint": ["x"], "Env": ["A=b=c"], "Labels": {"l": "v"}}}
    first = store.put_image("host/salary:1", [], config)
    assert store.find("host/salary:1") == first
    assert store.find(f"host/salary@{first}") == first
    second = store.put_image("host/salary:1", [], {**config, "os": "linux"})
    assert store.find("host/salary:1") == second != first
    image = store.image(second)
    assert (image.entrypoint, image.environment, image.labels) == (("x",), {"A": "b=c"}, {"l": "v"})


def test_a_directory_that_another_process_finished_first_stays(tmp_path: Path) -> None:
    first, second = (repository.write(tmp_path / name, {"a": name}) for name in ("first", "second"))
    process_store.move(first, tmp_path / "place")
    process_store.move(second, tmp_path / "place")
    assert (tmp_path / "place" / "a").read_text() == "first"
    assert not second.exists()
