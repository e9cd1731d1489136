"""What an AWS error means for us: one table, so that no room matches on texts of its own."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from shapemaker_action import lazy

if TYPE_CHECKING:
    import http
    import re
else:
    (http,) = lazy.modules("", "http")


class Kind(str, Enum):
    """Classes of AWS errors, by what a caller does about them."""

    NOT_FOUND = "not found"
    EXISTS = "exists already"
    FOREIGN = "belongs to somebody else"
    BUSY = "busy"
    THROTTLE = "throttled"
    QUOTA = "quota"
    PERMISSION = "permission"
    CREDENTIALS = "credentials"
    MODEL = "model"
    PROPAGATING = "not visible yet"
    INVALID = "invalid"
    TRANSIENT = "transient"


_BY_CODE: dict[str, Kind] = {
    **dict.fromkeys(
        (
            "ResourceNotFound",
            "ResourceNotFoundException",
            "NoSuchEntity",
            "NoSuchBucket",
            "NoSuchKey",
            "NotFound",
            "404",
            "RepositoryNotFoundException",
            "ImageNotFoundException",
            "ObjectNotFoundException",
            "NoSuchTagSet",
            "NoSuchLifecycleConfiguration",
            "NoSuchBucketPolicy",
            "NoSuchPublicAccessBlockConfiguration",
            "ServerSideEncryptionConfigurationNotFoundError",
            "LifecyclePolicyNotFoundException",
            "RepositoryPolicyNotFoundException",
        ),
        Kind.NOT_FOUND,
    ),
    **dict.fromkeys(
        (
            "ResourceInUse",
            "ResourceAlreadyExists",
            "EntityAlreadyExists",
            "RepositoryAlreadyExistsException",
            "BucketAlreadyOwnedByYou",
            "ImageAlreadyExistsException",
            "ImageTagAlreadyExistsException",
        ),
        Kind.EXISTS,
    ),
    "BucketAlreadyExists": Kind.FOREIGN,
    "ConflictException": Kind.BUSY,
    **dict.fromkeys(
        (
            "Throttling",
            "ThrottlingException",
            "ThrottledException",
            "RequestThrottledException",
            "TooManyRequestsException",
            "RequestLimitExceeded",
            "SlowDown",
            "PriorRequestNotComplete",
            "RequestThrottled",
            "ProvisionedThroughputExceededException",
            "BandwidthLimitExceeded",
        ),
        Kind.THROTTLE,
    ),
    **dict.fromkeys(("ResourceLimitExceeded", "LimitExceededException", "LimitExceeded", "TooManyBuckets"), Kind.QUOTA),
    **dict.fromkeys(("AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "403"), Kind.PERMISSION),
    **dict.fromkeys(
        (
            "ExpiredToken",
            "ExpiredTokenException",
            "RequestExpired",
            "InvalidClientTokenId",
            "UnrecognizedClientException",
            "InvalidIdentityToken",
            "SignatureDoesNotMatch",
            "InvalidAccessKeyId",
            "InvalidSignatureException",
            "IncompleteSignature",
            "IncompleteSignatureException",
            "RequestTimeTooSkewed",
            "MissingAuthenticationToken",
            "MissingAuthenticationTokenException",
            "AuthFailure",
        ),
        Kind.CREDENTIALS,
    ),
    "ModelError": Kind.MODEL,
    **dict.fromkeys(
        (
            "InternalFailure",
            "InternalServerError",
            "ServiceUnavailable",
            "InternalDependencyException",
            "RequestTimeout",
            "RequestTimeoutException",
            "ModelNotReadyException",
        ),
        Kind.TRANSIENT,
    ),
}

# SageMaker answers most of these as an untyped ValidationException, so the text decides; order matters.
_BY_TEXT: tuple[tuple[re.Pattern[str], Kind], ...] = (
    (lazy.pattern(r"Could not assume role"), Kind.PROPAGATING),
    (lazy.pattern(r"Cannot create already existing|already exists"), Kind.EXISTS),
    (lazy.pattern(r"Cannot update in-progress endpoint|is in progress"), Kind.BUSY),
    (
        lazy.pattern(r"Could not find (?!model data)|Requested resource not found|does not exist|not found\."),
        Kind.NOT_FOUND,
    ),
    (lazy.pattern(r"is not authorized to perform|does not have .* permission"), Kind.PERMISSION),
)


def classify(code: str, message: str, status: int) -> Kind:
    """The class of an error from its code, its text and the HTTP status, in that order."""
    if known := _BY_CODE.get(code):
        return known
    for pattern, kind in _BY_TEXT:
        if pattern.search(message):
            return kind
    if status in {http.HTTPStatus.UNAUTHORIZED, http.HTTPStatus.FORBIDDEN}:
        return Kind.PERMISSION
    return Kind.TRANSIENT if status >= http.HTTPStatus.INTERNAL_SERVER_ERROR else Kind.INVALID
