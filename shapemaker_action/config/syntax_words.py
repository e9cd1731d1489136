"""PyYAML's syntax errors in words that say what to do."""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from yaml.error import Mark, MarkedYAMLError

_WORDS: tuple[tuple[str, str, str], ...] = (
    (r"found character '\\t'", "a tab stands where YAML wants spaces", "use spaces to indent"),
    (r"found character '([@`%])'", r"a value must not begin with \1", "quote it"),
    (r"expected alphabetic or numeric character", "a value must not begin with * or &", "quote it"),
    (r"could not find expected ':'", "the line before has no colon after its key", "write `key: value`"),
    (
        r"mapping values are not allowed here",
        "a colon is not allowed here",
        "quote a text that contains `: `, or check this line and the one above: indentation, a colon after each key",
    ),
    (r"sequence entries are not allowed here", "a list item is not allowed here", "start the list on its own line"),
    (r"expected <block end>, but found ':'|expected the node content, but found ':'", "a key is missing here", ""),
    (
        r"expected <block end>, but found '<scalar>'",
        "this text follows a value that is complete already",
        "put the whole value in one pair of quotes, or check the indentation",
    ),
    (r"expected <block end>, but found", "this does not belong to the block above", "check the indentation"),
    (r"expected ',' or '\]'", "a comma or the closing bracket is missing; the list opens at line {line}", ""),
    (r"expected ',' or '\}'", "a comma or the closing brace is missing; the mapping opens at line {line}", ""),
    (r"found unknown escape character '(.*)'", r"\\\1 is no escape", "use single quotes, or write a backslash twice"),
    (r"expected escape sequence of", "this escape is not complete", "use single quotes, or write a backslash twice"),
    (r"found '<stream end>'", "the text ends where a value is expected", ""),
    (r"expected the node content, but found '(.*)'", r"a value was expected, but \1 found", "quote it if it is text"),
    (r"expected '<document start>'", "this does not belong to the document above", "check the indentation"),
)


def explain(error: MarkedYAMLError) -> tuple[str, str, Mark | None]:
    """Message, hint and place; unknown problems keep PyYAML's words."""
    problem = error.problem or "the text cannot be read"
    place = error.problem_mark or error.context_mark
    if "found unexpected end of stream" in problem:
        return "the quote that opens here is never closed", "", error.context_mark or place
    opening = error.context_mark.line + 1 if error.context_mark else 1
    for pattern, words, hint in _WORDS:
        match = re.search(pattern, problem)
        if match:
            return match.expand(words).replace("{line}", str(opening)), hint, place
    context = f" {error.context}" if error.context else ""
    return f"this is not YAML: {problem}{context}", "", place
