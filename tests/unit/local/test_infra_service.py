from __future__ import annotations

import os
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from shapemaker_action.errors import EnvironmentProblemError
from shapemaker_action.local import lifecycle, process, requests_log, service
from shapemaker_action.local.requests_log import LoggedRequest, RequestLog


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"SHAPEMAKER_HOME": "/chosen", "XDG_STATE_HOME": "/xdg", "HOME": "/home/u"}, "/chosen"),
        ({"SHAPEMAKER_HOME": "", "XDG_STATE_HOME": "/xdg", "HOME": "/home/u"}, "/xdg/shapemaker"),
        ({"XDG_STATE_HOME": "relative", "HOME": "/home/u"}, "/home/u/.local/state/shapemaker"),
        ({"HOME": "/home/u"}, "/home/u/.local/state/shapemaker"),
    ],
)
def test_the_state_directory_follows_the_environment(environ: dict[str, str], expected: str) -> None:
    assert lifecycle.state_directory(environ) == Path(expected)


def test_a_relative_choice_means_one_place_whoever_asks() -> None:
    assert lifecycle.state_directory({"SHAPEMAKER_HOME": "here"}) == Path.cwd() / "here"


def test_without_home_the_user_data_base_says_where_home_is() -> None:
    assert lifecycle.state_directory({}).parts[-3:] == (".local", "state", "shapemaker")
    assert lifecycle.state_directory({}).is_absolute()


def test_keys_are_random_and_readable_by_the_owner_alone(tmp_path: Path) -> None:
    created = replace(service.create(tmp_path), port=20001)
    created.save()
    assert service.load(tmp_path) == created
    assert stat.S_IMODE((tmp_path / "service.json").stat().st_mode) == 0o600
    assert service.create(tmp_path).access_key != created.access_key
    for secret in (created.access_key, created.secret_key, created.registry_password):
        assert secret not in repr(created)


def test_a_damaged_service_file_is_an_error_with_a_way_out(tmp_path: Path) -> None:
    (tmp_path / "service.json").write_text('{"port": 1, "unknown": 2}', encoding="utf-8")
    with pytest.raises(EnvironmentProblemError) as raised:
        service.load(tmp_path)
    assert "service.json" in raised.value.remedy


def test_a_state_directory_that_cannot_be_written_is_an_error_with_a_way_out(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(EnvironmentProblemError) as raised:
        lifecycle.up(tmp_path / "file" / "state")
    assert "SHAPEMAKER_HOME" in raised.value.remedy


def test_nothing_runs_in_a_directory_that_does_not_exist(tmp_path: Path) -> None:
    assert lifecycle.status(tmp_path / "none") is None
    lifecycle.down(tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_clients_go_past_a_proxy(tmp_path: Path) -> None:
    known = service.create(tmp_path)
    proxied = {"HTTPS_PROXY": "http://proxy:3128", "NO_PROXY": "internal"}
    assert lifecycle.environment(known, proxied)["NO_PROXY"] == "internal,127.0.0.1"
    assert "NO_PROXY" not in lifecycle.environment(known, {})


def test_a_process_is_known_by_its_pid_and_its_beginning() -> None:
    assert process.began(os.getpid()) == process.began(os.getpid()) != ""
    assert process.began(2**22 + 1) == ""


def test_a_process_that_merely_has_the_pid_of_a_dead_one_is_left_alone() -> None:
    process.end(os.getpid(), "another beginning", 1.0)
    process.end(os.getpid(), "", 1.0)


def test_the_request_log_keeps_a_line_per_request(tmp_path: Path) -> None:
    asked = [
        LoggedRequest(time=1.0, service="s3", operation="PutObject", mutating=True, status=200, resource="/b/ü"),
        LoggedRequest(time=2.0, service="sagemaker", operation="ListModels", mutating=False, status=400),
    ]
    log = RequestLog(tmp_path)
    for each in asked:
        log.append(each)
    log.close()
    assert requests_log.read(tmp_path) == asked
    assert requests_log.read(tmp_path / "none") == []
