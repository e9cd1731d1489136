from __future__ import annotations

import pytest

from shapemaker_action.aws.classify import Kind, classify

ARN = "arn:aws:sagemaker:eu-west-1:123456789012:endpoint/salary"


@pytest.mark.parametrize(
    ("code", "message", "status", "kind"),
    [
        ("ValidationException", f'Could not find endpoint "{ARN}".', 400, Kind.NOT_FOUND),
        ("ValidationException", "Requested resource not found.", 400, Kind.NOT_FOUND),
        ("ValidationException", "Could not find model data at s3://b/model.tar.gz.", 400, Kind.INVALID),
        ("ValidationException", f'Cannot create already existing endpoint "{ARN}".', 400, Kind.EXISTS),
        ("ValidationException", f'Cannot update in-progress endpoint "{ARN}".', 400, Kind.BUSY),
        ("ValidationException", "Could not assume role arn:aws:iam::1:role/x. Please ensure", 400, Kind.PROPAGATING),
        ("ValidationException", "1 validation error detected: Value 'x' at 'y'", 400, Kind.INVALID),
        ("ValidationException", "Could not find requested job with name: x", 400, Kind.NOT_FOUND),
        ("ResourceInUse", "Training job names must be unique", 400, Kind.EXISTS),
        ("ResourceLimitExceeded", "The account-level service limit", 400, Kind.QUOTA),
        ("ThrottlingException", "Rate exceeded", 400, Kind.THROTTLE),
        ("AccessDeniedException", "User is not authorized to perform", 400, Kind.PERMISSION),
        ("ExpiredTokenException", "expired", 400, Kind.CREDENTIALS),
        ("BucketAlreadyExists", "", 409, Kind.FOREIGN),
        ("BucketAlreadyOwnedByYou", "", 409, Kind.EXISTS),
        ("404", "Not Found", 404, Kind.NOT_FOUND),
        ("ModelError", "Received client error (400)", 424, Kind.MODEL),
        ("InvalidSignatureException", "", 403, Kind.CREDENTIALS),
        ("RequestTimeTooSkewed", "", 403, Kind.CREDENTIALS),
        ("MissingAuthenticationToken", "", 403, Kind.CREDENTIALS),
        ("AuthFailure", "", 401, Kind.CREDENTIALS),
        ("Whatever", "", 401, Kind.PERMISSION),
        ("Whatever", "", 403, Kind.PERMISSION),
        ("Whatever", "", 503, Kind.TRANSIENT),
        ("Whatever", "", 400, Kind.INVALID),
    ],
)
def test_an_error_has_one_class(code: str, message: str, status: int, kind: Kind) -> None:
    assert classify(code, message, status) is kind
