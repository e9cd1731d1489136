"""Strict JSON: what is JSON is read as Python reads it, and anything else is refused with its place."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from shapemaker_runtime import strict_json

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(10**200), 10**200)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
)
DOCUMENTS = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4), max_leaves=20
)
BRACKETS = st.text(alphabet='[]{}"\\:,e0+ \n', max_size=200)


@given(DOCUMENTS, st.fixed_dictionaries({"ensure_ascii": st.booleans(), "indent": st.sampled_from([None, 2])}))
def test_every_json_document_means_what_python_reads(document: Any, style: Any) -> None:
    text = json.dumps(document, **style)
    try:
        body = text.encode()
    except UnicodeEncodeError:  # a lone surrogate that was not escaped is no UTF-8
        return
    if any("\ud800" <= c < "\ue000" for c in json.dumps(document, ensure_ascii=False)):
        with pytest.raises(strict_json.JsonError, match="surrogate"):
            strict_json.loads(body)
    else:
        assert strict_json.loads(body) == json.loads(text)


@given(BRACKETS)
def test_brackets_and_quotes_in_texts_are_just_text(text: str) -> None:
    assert strict_json.loads(json.dumps([text, {text: "[" * 70}]).encode()) == [text, {text: "[" * 70}]


@given(st.binary(max_size=60) | BRACKETS.map(str.encode))
def test_bytes_are_read_as_python_reads_them_or_refused(body: bytes) -> None:
    try:
        value = strict_json.loads(body)
    except strict_json.JsonError:
        return
    assert value == json.loads(body)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "line 1 column 1: expecting value"),
        (b'{"a": 1} x', "line 1 column 10: extra data"),
        (b'{"a": 1,\n "a": 2}', "line 2 column 2: the name stands twice in its object"),
        (b'[{"a": {"b": 1, "b": 2}}]', "line 1 column 17: the name stands twice in its object"),
        (b'{"\\u0061": 1, "a": 2}', "line 1 column 15: the name stands twice in its object"),
        (b"[1, NaN]", "line 1 column 5: NaN and Infinity are no JSON numbers"),
        (b"[-Infinity]", "line 1 column 2: NaN and Infinity are no JSON numbers"),
        (b"[1e999]", "line 1 column 2: the number is out of range"),
        (b"[-1E+0400]", "line 1 column 2: the number is out of range"),
        (b"[" + b"9" * 5000 + b"]", "line 1 column 2: the number is out of range"),
        (b"[" + b"9" * 400 + b".5]", "line 1 column 2: the number is out of range"),
        (b'["\\ud800"]', "line 1 column 2: the string holds half of a surrogate pair"),
        (b'{"\\uDFFF": 1}', "line 1 column 2: the string holds half of a surrogate pair"),
        (b"[" * 100_000, "line 1 column 65: nested deeper than 64 levels"),
        (b'{"a":' * 100_000, "line 1 column 321: nested deeper than 64 levels"),
        (b'[{"":' * 32 + b"[1]" + b"}]" * 32, "line 1 column 161: nested deeper than 64 levels"),
        (b'{"a": "\xff"}', "not UTF-8 at byte 7"),
        ('{"a": 1}'.encode("utf-16"), "not UTF-8 at byte 0"),
        (b"[1_0]", "line 1 column 3: expecting ',' delimiter"),
        ("[١٢]".encode(), "line 1 column 2: expecting value"),
        (b"[01]", "line 1 column 3: expecting ',' delimiter"),
        (b"[+1]", "line 1 column 2: expecting value"),
        (b'["a\tb"]', "line 1 column 4: invalid control character at"),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_what_is_no_json_is_refused_with_its_place(body: bytes, message: str) -> None:
    with pytest.raises(strict_json.JsonError) as caught:
        strict_json.loads(body)
    assert str(caught.value) == message


def test_the_deepest_document_is_read() -> None:
    assert strict_json.loads(b'[{"":' * 32 + b"1" + b"}]" * 32)


@pytest.mark.parametrize(
    "body", [b'{"a": "\\ud83d\\ude00"}', b'"1e999 NaN [[["', b"[1e308, 1e-999, " + b"1" * 300 + b"]"]
)
def test_what_only_looks_suspicious_is_read(body: bytes) -> None:
    assert strict_json.loads(body) == json.loads(body)


@given(
    st.text(alphabet="abcxyz", min_size=8, max_size=8),
    st.sampled_from(['{{"{0}": 1, "{0}": 2}}', '["{0}" {0}]', "{0}"]),
)
def test_a_refusal_quotes_nothing_of_the_document(secret: str, template: str) -> None:
    with pytest.raises(strict_json.JsonError) as caught:
        strict_json.loads(template.format(secret).encode())
    assert secret not in str(caught.value)
