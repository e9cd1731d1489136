from __future__ import annotations

import pytest

from shapemaker_action.local.access import Identity, Keys, identity, is_from_here

SIGNED = "AWS4-HMAC-SHA256 Credential=KEY/20260101/eu-west-1/sagemaker/aws4_request, SignedHeaders=host, Signature=ab"


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"HTTP_AUTHORIZATION": SIGNED}, Identity(access_key="KEY", region="eu-west-1", service="sagemaker")),
        (
            {"QUERY_STRING": "X-Amz-Credential=KEY%2F20260101%2Feu-west-1%2Fs3%2Faws4_request&X-Amz-Signature=ab"},
            Identity(access_key="KEY", region="eu-west-1", service="s3"),
        ),
        (
            {"QUERY_STRING": "AWSAccessKeyId=KEY&Signature=ab&Expires=1"},
            Identity(access_key="KEY", region="us-east-1", service="s3"),
        ),
        ({"HTTP_AUTHORIZATION": "AWS KEY:sig"}, Identity(access_key="KEY", region="us-east-1", service="s3")),
        ({}, None),
        ({"HTTP_AUTHORIZATION": "Basic QVdTOng="}, None),
        ({"HTTP_AUTHORIZATION": "AWS4-HMAC-SHA256 Credential=KEY/20260101"}, None),
    ],
)
def test_who_asks_is_read_from_the_signature(environ: dict[str, str], expected: Identity | None) -> None:
    assert identity(environ) == expected


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"HTTP_HOST": "127.0.0.1:8000"}, True),
        ({"HTTP_HOST": "localhost:8000"}, True),
        ({"HTTP_HOST": "127.0.0.1"}, False),
        ({"HTTP_HOST": "localhost:8001"}, False),
        ({"HTTP_HOST": "rebound.example:8000"}, False),
        ({"HTTP_HOST": "127.0.0.1:8000.example"}, False),
        ({}, False),
        ({"HTTP_HOST": "127.0.0.1:8000", "HTTP_ORIGIN": "https://page.example"}, False),
        ({"HTTP_HOST": "127.0.0.1:8000", "HTTP_ORIGIN": "null"}, False),
        ({"HTTP_HOST": "127.0.0.1:8000", "HTTP_SEC_FETCH_SITE": "cross-site"}, False),
    ],
)
def test_only_clients_of_this_machine_are_served(environ: dict[str, str], *, expected: bool) -> None:
    assert is_from_here(environ, 8000) is expected


def test_only_own_and_issued_keys_are_known() -> None:
    keys = Keys("OWN", "INTERNAL")
    keys.learn(b"<Credentials><AccessKeyId>ASIAISSUED</AccessKeyId></Credentials>")
    known = ["OWN", "INTERNAL", "ASIAISSUED"]
    assert [key for key in [*known, "", "own", "ASIAOTHER", "Ö"] if keys.knows(key)] == known
    assert [key for key in known if keys.is_internal(key)] == ["INTERNAL"]
