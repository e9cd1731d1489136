from __future__ import annotations

import pytest

from shapemaker_action.local.operation import is_mutating, s3_name


@pytest.mark.parametrize(
    ("method", "path", "query", "expected"),
    [
        ("GET", "/", "", "ListBuckets"),
        ("PUT", "/b", "", "CreateBucket"),
        ("HEAD", "/b", "", "HeadBucket"),
        ("DELETE", "/b/", "", "DeleteBucket"),
        ("GET", "/b", "list-type=2&prefix=x", "ListObjectsV2"),
        ("GET", "/b", "prefix=x", "ListObjects"),
        ("GET", "/b", "policy", "GetBucketPolicy"),
        ("PUT", "/b", "lifecycle=", "PutBucketLifecycleConfiguration"),
        ("GET", "/b", "location", "GetBucketLocation"),
        ("POST", "/b", "delete", "DeleteObjects"),
        ("PUT", "/b/k", "", "PutObject"),
        ("PUT", "/b/k/l", "x-id=PutObject", "PutObject"),
        ("GET", "/b/k", "versionId=1", "GetObject"),
        ("POST", "/b/k", "uploads", "CreateMultipartUpload"),
        ("PUT", "/b/k", "partNumber=1&uploadId=u", "UploadPart"),
        ("POST", "/b/k", "uploadId=u", "CompleteMultipartUpload"),
        ("DELETE", "/b/k", "uploadId=u", "AbortMultipartUpload"),
        ("PATCH", "/b/k", "", "PATCH"),
    ],
)
def test_s3_requests_get_the_name_of_their_operation(method: str, path: str, query: str, expected: str) -> None:
    assert s3_name({"REQUEST_METHOD": method, "PATH_INFO": path, "QUERY_STRING": query}) == expected


def test_a_copy_is_told_from_an_upload_by_its_header() -> None:
    copied = {"REQUEST_METHOD": "PUT", "PATH_INFO": "/b/k", "HTTP_X_AMZ_COPY_SOURCE": "b/other"}
    assert s3_name(copied) == "CopyObject"


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        ("CreateModel", True),
        ("StopTrainingJob", True),
        ("AddTags", True),
        ("PutObject", True),
        ("CompleteMultipartUpload", True),
        ("BatchDeleteImage", True),
        ("PATCH", True),
        ("DescribeModel", False),
        ("BatchGetImage", False),
        ("HeadObject", False),
        ("InvokeEndpoint", False),
        ("AssumeRole", False),
        ("FilterLogEvents", False),
    ],
)
def test_what_changes_nothing_is_known_by_its_verb(operation: str, *, expected: bool) -> None:
    assert is_mutating(operation) is expected
