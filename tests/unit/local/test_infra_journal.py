from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from shapemaker_action.local.journal import Journal, Record, without_deleted_buckets

if TYPE_CHECKING:
    from pathlib import Path


def record(method: str, path: str, *, service: str = "s3", body: bytes = b"", **headers: str) -> Record:
    environ = {"REQUEST_METHOD": method, "PATH_INFO": path, "QUERY_STRING": "", "RAW_URI": path, **headers}
    return Record(service=service, environ=environ, time=1.5, seed=7, body=body)


def test_what_was_appended_is_read_back_after_a_restart(tmp_path: Path) -> None:
    wanted = [record("PUT", "/b"), record("PUT", "/b/k", body=bytes(range(256)))]
    journal = Journal(tmp_path / "journal")
    for each in wanted:
        journal.append(each)
    journal.close()
    assert list(Journal(tmp_path / "journal").read()) == wanted


def test_no_file_is_an_empty_journal(tmp_path: Path) -> None:
    assert list(Journal(tmp_path / "journal").read()) == []


@pytest.mark.parametrize("lost", [1, 7, 60])
def test_a_torn_last_record_is_cut_off_and_later_ones_follow_the_whole_ones(tmp_path: Path, lost: int) -> None:
    path = tmp_path / "journal"
    journal = Journal(path)
    journal.append(record("PUT", "/whole"))
    journal.append(record("PUT", "/torn", body=b"x" * 100))
    journal.close()
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size - lost)
    restarted = Journal(path)
    assert [each.environ["PATH_INFO"] for each in restarted.read()] == ["/whole"]
    restarted.append(record("PUT", "/later"))
    restarted.close()
    assert [each.environ["PATH_INFO"] for each in Journal(path).read()] == ["/whole", "/later"]


def test_a_record_with_a_flipped_bit_ends_the_journal(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    journal = Journal(path)
    journal.append(record("PUT", "/whole"))
    whole = path.stat().st_size
    journal.append(record("PUT", "/rotten", body=b"x" * 100))
    journal.close()
    content = bytearray(path.read_bytes())
    content[whole + 50] ^= 1
    path.write_bytes(content)
    assert [each.environ["PATH_INFO"] for each in Journal(path).read()] == ["/whole"]


def test_a_journal_is_rewritten_as_a_whole(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal")
    journal.append(record("PUT", "/a"))
    journal.rewrite([record("PUT", "/b")])
    journal.append(record("PUT", "/c"))
    journal.close()
    assert [each.environ["PATH_INFO"] for each in Journal(tmp_path / "journal").read()] == ["/b", "/c"]


def test_a_deleted_bucket_leaves_nothing_behind() -> None:
    kept = [record("PUT", "/other"), record("POST", "/", service="iam"), record("PUT", "/gone")]
    records = [record("PUT", "/gone"), record("PUT", "/gone/key"), kept[0], kept[1], record("DELETE", "/gone"), kept[2]]
    assert without_deleted_buckets(records) == kept


def test_deleting_an_object_deletes_no_bucket() -> None:
    records = [record("PUT", "/b"), record("PUT", "/b/key"), record("DELETE", "/b/key")]
    assert without_deleted_buckets(records) == records


def test_a_bucket_that_something_was_copied_from_stays() -> None:
    copy = record("PUT", "/to/key", HTTP_X_AMZ_COPY_SOURCE="from/key%20name")
    records = [record("PUT", "/from"), record("PUT", "/from/key name"), copy, record("DELETE", "/from")]
    assert without_deleted_buckets(records) == records
