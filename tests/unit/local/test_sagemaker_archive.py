"""tar.gz files: equal content gives equal bytes, and nothing gets out of an archive that shouldn't."""

from __future__ import annotations

import io
import os
import tarfile
from typing import TYPE_CHECKING

import pytest

from shapemaker_action.local.sagemaker.archive import ArchiveError, pack, unpack
from shapemaker_action.local.sagemaker.objects import TransferError, files

if TYPE_CHECKING:
    from pathlib import Path


def tree(root: Path, **content: str) -> Path:
    for name, text in content.items():
        path = root / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def test_time_and_order_leave_no_trace(tmp_path: Path) -> None:
    one = tree(tmp_path / "one", a="1", deep__b="2")
    two = tree(tmp_path / "two", deep__b="2", a="1")
    os.utime(two / "a", (1, 1))
    pack([one], tmp_path / "one.tar.gz")
    pack([two], tmp_path / "two.tar.gz")
    assert (tmp_path / "one.tar.gz").read_bytes() == (tmp_path / "two.tar.gz").read_bytes()


def test_content_and_modes_come_back(tmp_path: Path) -> None:
    source = tree(tmp_path / "source", a="1", deep__run="2")
    (source / "deep/run").chmod(0o700)
    (source / "empty").mkdir()
    pack([source], tmp_path / "x.tar.gz")
    with (tmp_path / "x.tar.gz").open("rb") as file:
        unpack(file, tmp_path / "target")
    assert (tmp_path / "target/a").read_text() == "1"
    assert (tmp_path / "target/deep/run").stat().st_mode & 0o777 == 0o755
    assert (tmp_path / "target/a").stat().st_mode & 0o777 == 0o644
    assert (tmp_path / "target/empty").is_dir()


def test_the_first_directory_wins(tmp_path: Path) -> None:
    one, two = tree(tmp_path / "one", same="1"), tree(tmp_path / "two", same="2", other="3")
    pack([one, two], tmp_path / "x.tar.gz")
    with tarfile.open(tmp_path / "x.tar.gz") as tar:
        assert sorted(tar.getnames()) == ["other", "same"]
        member = tar.extractfile("same")
        assert member is not None
        assert member.read() == b"1"


def test_links_are_kept_as_links_and_sockets_left_out(tmp_path: Path) -> None:
    source = tree(tmp_path / "source", a="1")
    (source / "link").symlink_to("/etc/hostname")
    os.mkfifo(source / "pipe")
    pack([source], tmp_path / "x.tar.gz")
    with tarfile.open(tmp_path / "x.tar.gz") as tar:
        assert {member.name: member.linkname for member in tar} == {"a": "", "link": "/etc/hostname"}


def hostile(kind: bytes, name: str, target: str = "") -> io.BytesIO:
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w:gz") as tar:
        member = tarfile.TarInfo(name)
        member.type, member.linkname = kind, target
        tar.addfile(member)
    raw.seek(0)
    return raw


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (tarfile.REGTYPE, "../out"),
        (tarfile.REGTYPE, "/out"),
        (tarfile.REGTYPE, "deep/../../out"),
        (tarfile.SYMTYPE, "link"),
        (tarfile.LNKTYPE, "hard"),
        (tarfile.CHRTYPE, "device"),
        (tarfile.FIFOTYPE, "pipe"),
    ],
)
def test_members_that_hosting_refuses(tmp_path: Path, kind: bytes, name: str) -> None:
    with pytest.raises(ArchiveError, match=name):
        unpack(hostile(kind, name, "/etc/hostname"), tmp_path / "target")
    assert not (tmp_path / "out").exists()
    assert list((tmp_path / "target").iterdir()) == []


@pytest.mark.parametrize("raw", [b"", b"no archive", b"\x1f\x8b broken"])
def test_what_is_no_archive(tmp_path: Path, raw: bytes) -> None:
    with pytest.raises(ArchiveError, match=r"valid tar\.gz"):
        unpack(io.BytesIO(raw), tmp_path / "target")


def test_a_truncated_archive_is_refused(tmp_path: Path) -> None:
    source = tree(tmp_path / "source", a=os.urandom(5000).hex())
    pack([source], tmp_path / "x.tar.gz")
    raw = (tmp_path / "x.tar.gz").read_bytes()
    with pytest.raises(ArchiveError):
        unpack(io.BytesIO(raw[: len(raw) // 2]), tmp_path / "target")


def test_only_links_that_stay_inside_are_uploaded(tmp_path: Path) -> None:
    source = tree(tmp_path / "source", deep__a="1")
    (source / "inside").symlink_to("deep/a")
    (source / "folder").symlink_to("deep")
    assert [path.name for path in files(source)] == ["a", "inside"]
    (source / "outside").symlink_to("/etc")
    with pytest.raises(TransferError, match="outside"):
        files(source)
