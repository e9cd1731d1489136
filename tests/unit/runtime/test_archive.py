"""Model data are unpacked only if they are plain files that stay where they belong."""

from __future__ import annotations

import gzip
import io
import tarfile
from typing import TYPE_CHECKING

import pytest
from shapemaker_runtime.errors import SetupError
from shapemaker_runtime.training import archive

if TYPE_CHECKING:
    from pathlib import Path


def member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.size = kind, link, 3 if kind == tarfile.REGTYPE else 0
    return info


def make(file: Path, *members: tarfile.TarInfo) -> Path:
    with tarfile.open(file, "w:gz") as made:
        for each in members:
            made.addfile(each, io.BytesIO(b"abc"))
    return file


def test_files_and_directories_come_out(tmp_path: Path) -> None:
    file = make(tmp_path / "model.tar.gz", member(".", tarfile.DIRTYPE), member("./a"), member("b/c"))
    to = tmp_path / "to"
    archive.extract(file, to)
    assert {each.relative_to(to).as_posix(): each.read_bytes() for each in to.rglob("*") if each.is_file()} == {
        "a": b"abc",
        "b/c": b"abc",
    }


@pytest.mark.parametrize(
    "bad",
    [
        member("/etc/passwd"),
        member("../up"),
        member("a/../../up"),
        member("link", tarfile.SYMTYPE, "a"),
        member("link", tarfile.SYMTYPE, "/etc/passwd"),
        member("hard", tarfile.LNKTYPE, "first"),
        member("pipe", tarfile.FIFOTYPE),
        member("null", tarfile.CHRTYPE),
        member("first"),
        member("first/below"),
    ],
    ids=lambda info: f"{info.name} {info.type!r}",
)
def test_any_other_member_is_refused_and_nothing_lands_outside(tmp_path: Path, bad: tarfile.TarInfo) -> None:
    file = make(tmp_path / "model.tar.gz", member("first"), bad)
    with pytest.raises(SetupError):
        archive.extract(file, tmp_path / "to" / "here")
    assert {each.relative_to(tmp_path).as_posix() for each in tmp_path.rglob("*") if each.is_file()} == {
        "model.tar.gz",
        "to/here/first",
    }


def test_a_name_for_the_terminal_is_quoted(tmp_path: Path) -> None:
    with pytest.raises(SetupError) as caught:
        archive.extract(make(tmp_path / "model.tar.gz", member("a\n::error::\x1b", tarfile.FIFOTYPE)), tmp_path / "to")
    assert "\n" not in str(caught.value)


def test_a_truncated_archive_is_refused(tmp_path: Path) -> None:
    whole = make(tmp_path / "whole.tar.gz", *(member(str(number)) for number in range(500))).read_bytes()
    for part in (whole[: len(whole) // 2], whole[:40], whole[:5], gzip.compress(b"no tar"), b"PK", b""):
        (tmp_path / "model.tar.gz").write_bytes(part)
        with pytest.raises(SetupError, match="cannot be unpacked"):
            archive.extract(tmp_path / "model.tar.gz", tmp_path / f"to{len(part)}")


def test_the_digest_is_that_of_the_bytes(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"abc")
    expected = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert archive.digest(tmp_path / "file") == expected
