from __future__ import annotations

import pytest

from shapemaker_action import java_pattern, service_model

SERVICES = [
    "application-autoscaling",
    "cloudwatch",
    "ecr",
    "iam",
    "logs",
    "s3",
    "sagemaker",
    "sagemaker-runtime",
    "sts",
]


@pytest.mark.parametrize("service", SERVICES)
def test_every_pattern_of_the_services_we_speak_to_is_understood(service: str) -> None:
    shapes = service_model.load(service)._shapes  # noqa: SLF001  # the whole dictionary is the subject here
    patterns = {shape["pattern"] for shape in shapes.values() if "pattern" in shape}
    for pattern in patterns:
        java_pattern.matches(pattern, "ascii")
        java_pattern.matches(pattern, "ä")


@pytest.mark.parametrize(
    ("pattern", "value"),
    [
        (r"[\p{L}\p{Z}\p{N}_]*", "Größe ٣\u3000x"),
        (r"[\p{L}\p{M}]+", "e\u0301"),
        (r"\p{ASCII}*", "a\n~"),
        (r"\A\S[\p{Print}]*\z", "abc d"),
        (r"[\u0020-\uD7FF\uE000-\uFFFD\uD800\uDC00-\uDBFF\uDFFF\r\n\t]*", "a\U0001f600\n"),
        (r"([a-z]*)${1,128}", "abc"),
        (r"[\w-_]*", "a-_b"),
        (r"[a[b]+", "a[b"),
        (r".*", "\u2028"),
    ],
)
def test_matching(pattern: str, value: str) -> None:
    assert java_pattern.matches(pattern, value)


@pytest.mark.parametrize(
    ("pattern", "value"),
    [
        (r"[\p{L}]*", "a1"),
        (r"[\p{L}]*", "٣"),
        (r"[\p{M}]+", "a"),
        (r"\p{ASCII}*", "ä"),
        (r"\d+", "٣"),
        (r"\w+", "ä"),
        (r"a", "ab"),
        (r"a$", "a\n"),
        (r".*", "a\r"),
        (r"[\u0020-\uD7FF]*", "\U0001f600"),
    ],
)
def test_not_matching(pattern: str, value: str) -> None:
    assert not java_pattern.matches(pattern, value)
