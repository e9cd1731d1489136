from __future__ import annotations

from typing import TYPE_CHECKING

from shapemaker_action.containers import inherited

if TYPE_CHECKING:
    from pathlib import Path


def test_a_machine_with_nothing_special_gives_no_pip_configuration_of_its_own(tmp_path: Path) -> None:
    assert not set(inherited.secrets({"PIP_CONFIG_FILE": str(tmp_path / "none")}, tmp_path)) - {
        "pip_config",
        "ca_bundle",
    }


def test_an_index_from_the_users_file_goes_along_and_local_folders_do_not(tmp_path: Path) -> None:
    file = tmp_path / "pip.conf"
    text = "[global]\nindex-url = https://index.example/simple\nextra-index-url = file:///opt/x https://b.example/s\n"
    file.write_text(f"{text}find-links = /opt/wheels\n[install]\ntrusted-host = b.example\n")
    found = inherited.secrets({"PIP_CONFIG_FILE": str(file)}, tmp_path)["pip_config"]
    assert found.read_text().splitlines()[1:] == [
        "extra-index-url = https://b.example/s",
        "index-url = https://index.example/simple",
        "trusted-host = b.example",
    ]
    assert found.stat().st_mode & 0o077 == 0


def test_a_variable_wins_over_a_file(tmp_path: Path) -> None:
    file = tmp_path / "pip.conf"
    file.write_text("[global]\nindex-url = https://a.example/simple\n")
    environ = {"PIP_CONFIG_FILE": str(file), "PIP_INDEX_URL": "https://b.example/simple"}
    assert "b.example" in inherited.secrets(environ, tmp_path)["pip_config"].read_text()


def test_a_certificate_bundle_is_taken_as_it_is_if_it_exists(tmp_path: Path) -> None:
    bundle = tmp_path / "ca.pem"
    bundle.write_text("PEM")
    assert inherited.secrets({"SSL_CERT_FILE": str(bundle)}, tmp_path)["ca_bundle"] == bundle
    gone = inherited.secrets({"SSL_CERT_FILE": str(tmp_path / "gone"), "PIP_CERT": str(bundle)}, tmp_path)
    assert gone["ca_bundle"] == bundle


def test_proxies_go_along_in_both_spellings(tmp_path: Path) -> None:
    found = inherited.secrets({"https_proxy": "http://proxy:3128"}, tmp_path)["proxy_env"]
    assert found.read_text().splitlines() == ["HTTPS_PROXY=http://proxy:3128", "https_proxy=http://proxy:3128"]


def test_a_broken_pip_configuration_is_not_our_error(tmp_path: Path) -> None:
    file = tmp_path / "pip.conf"
    file.write_text("no section\n")
    assert "proxy_env" not in inherited.secrets({"PIP_CONFIG_FILE": str(file)}, tmp_path)
