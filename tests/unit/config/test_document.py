from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from shapemaker_action.config import document
from shapemaker_action.config.document import MAX_BYTES, MAX_NODES, UnreadableError
from shapemaker_action.config.node import ListNode, MappingNode, dotted, find, key_position, plain, value_position
from shapemaker_action.diagnostics import Position

CASES = Path(__file__).parents[2] / "cases" / "config"


def read(text: str | bytes, file: str = "shapemaker.yml") -> MappingNode:
    return document.parse(text.encode() if isinstance(text, str) else text, file)


def problems(text: str | bytes, file: str = "shapemaker.yml") -> list[str]:
    with pytest.raises(UnreadableError) as caught:
        read(text, file)
    return [str(each) for each in caught.value.diagnostics]


def test_every_key_and_value_knows_its_place() -> None:
    root = read('a:\n  b: [x, "y"]\n  "c d": {e: 1}\n')
    assert str(key_position(root, ("a",))) == "shapemaker.yml:1:1"
    assert str(value_position(root, ("a", "b"))) == "shapemaker.yml:2:6"
    assert str(value_position(root, ("a", "b", 1))) == "shapemaker.yml:2:10"
    assert str(key_position(root, ("a", "c d", "e"))) == "shapemaker.yml:3:11"
    assert str(value_position(root, ("a", "c d", "e"))) == "shapemaker.yml:3:14"


def test_what_is_not_written_is_where_the_nearest_key_above_is() -> None:
    root = read("a:\n  b:\n    c: 1\n")
    assert str(value_position(root, ("a", "b", "x", "y"))) == "shapemaker.yml:2:3"
    assert str(value_position(root, ("z",))) == "shapemaker.yml:1:1"
    assert str(value_position(root, ("a", "b", "c", 0))) == "shapemaker.yml:3:5"


def test_paths_are_dotted_as_people_read_them() -> None:
    assert dotted(("invoke", "requests", 0, "file")) == "invoke.requests[0].file"
    assert dotted(("train", "hyperparameters", "a.b")) == 'train.hyperparameters."a.b"'
    assert dotted(("train", "a\nb")) == 'train."a\\nb"'


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("null", None),
        ("~", None),
        ("", None),
        ("true", True),
        ("FALSE", False),
        ("12", 12),
        ("-7", -7),
        ("+7", 7),
        ("0o17", 15),
        ("0x1F", 31),
        ("1.5", 1.5),
        (".5", 0.5),
        ("1e-3", 0.001),
        ("1E3", 1000.0),
        ("2.", 2.0),
        ("'1'", "1"),
        ('"true"', "true"),
        ("1.2.3", "1.2.3"),
        ("text", "text"),
        ("True story", "True story"),
        ("nUll", "nUll"),
        ("0b", "0b"),
        ("1:2:x", "1:2:x"),
    ],
)
def test_plain_words_mean_what_yaml_12_says(text: str, value: object) -> None:
    node = read(f"a: {text}\n").entries["a"].node
    found = plain(node)
    assert found == value
    assert type(found) is type(value)
    assert found == plain(node, legacy=True)


@pytest.mark.parametrize(
    ("text", "legacy"),
    [
        ("yes", True),
        ("No", False),
        ("off", False),
        ("y", True),
        ("010", 8),
        ("-010", -8),
        ("0b11", 3),
        ("1_000", 1000),
        ("0x_ff", 255),
        ("1_000.5", 1000.5),
        ("22:22", 1342),
        ("-1:30", -90),
        ("1:30.5", 90.5),
    ],
)
def test_words_that_yaml_11_reads_differently_are_marked(text: str, legacy: object) -> None:
    node = read(f"a: {text}\n").entries["a"].node
    assert plain(node, legacy=True) == legacy
    assert plain(node) != legacy


@pytest.mark.parametrize("text", ["2026-01-01", "2026-1-1", "2026-01-01 10:00:00", "2026-01-01T10:00:00Z"])
def test_dates_are_of_no_type(text: str) -> None:
    node = read(f"a: {text}\n").entries["a"].node
    assert plain(node) == text
    assert not isinstance(plain(node, legacy=True), (str, int, float, bool, list, dict, type(None)))


def test_a_byte_order_mark_and_windows_line_ends_change_nothing() -> None:
    unix = read(b"a: |\n  x\n  y\nb:\n  - 1\n")
    assert read(b"\xef\xbb\xbfa: |\r\n  x\r\n  y\r\nb:\r\n  - 1\r\n") == unix
    assert plain(unix) == {"a": "x\ny\n", "b": [1]}


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"])
def test_other_encodings_are_named(encoding: str) -> None:
    assert problems("a: 1\n".encode(encoding)) == [
        "shapemaker.yml:1:1: the file is UTF-16 or UTF-32 (save it as UTF-8)"
    ]


def test_a_byte_that_is_not_utf_8_is_located() -> None:
    assert problems("é: 1\nb: gr".encode() + b"\xfc\xdfe\n") == [
        "shapemaker.yml:2:6: the file is not UTF-8 text here (save it as UTF-8)"
    ]


@pytest.mark.parametrize(
    ("character", "hint"),
    [
        ("\0", "it is a control character; delete it"),
        ("\x1b", "it is a control character; delete it"),
        ("\x85", "it is a control character; delete it"),
        ("\r", "it is a control character; delete it"),
        ("\u202e", "it makes text look different from what it is; delete it"),
        ("\u2066", "it makes text look different from what it is; delete it"),
        ("\u200b", "it is invisible; delete it"),
        ("\u2028", "it is invisible; delete it"),
        ("\ufeff", "it is invisible; delete it"),
    ],
)
@pytest.mark.parametrize("place", ["a: x{}y\n", "# {}x\na: 1\n", '"k{}": 1\n'])
def test_characters_that_nobody_sees_are_refused_everywhere(character: str, hint: str, place: str) -> None:
    column = place.index("{") + 1
    assert problems(place.format(character)) == [
        f"shapemaker.yml:1:{column}: the character U+{ord(character):04X} is not allowed ({hint})"
    ]


def test_of_many_such_characters_the_first_are_enough() -> None:
    assert len(problems("\0" * 1000)) == 5


@pytest.mark.parametrize("escape", [r"\0", r"\x07", r"\u202e", r"\ud83d", r"\u2029", r"\r"])
def test_escapes_cannot_bring_them_in(escape: str) -> None:
    (problem,) = problems(f'a: ["x{escape}y"]\n')
    assert problem.startswith("shapemaker.yml:1:5: a[0]: an escape stands for the character U+")


def test_json_escapes_of_two_halves_are_one_character() -> None:
    assert plain(read(r'{"a": "\ud83d\ude00 \/ é"}', "a.json")) == {"a": "😀 / é"}


def test_an_escape_beyond_unicode_is_no_traceback() -> None:
    assert problems('a: "\\UFFFFFFFF"\n') == ["shapemaker.yml:1:2: an escape in the next value names no character"]


def test_json_may_be_indented_with_tabs() -> None:
    assert plain(read('{\n\t"a": [\n\t\t"x\\ty"\n\t]\n}\n', "a.json")) == {"a": ["x\ty"]}


def test_a_file_is_refused_by_its_size_before_anything_reads_it() -> None:
    assert problems(b"\xff" * (5 * 1024 * 1024)) == [
        "shapemaker.yml:1:1: the file is larger than 256 KiB (a configuration this large is a mistake)"
    ]
    assert len(plain(read("a: " + "x" * (MAX_BYTES - 4) + "\n"))["a"]) == MAX_BYTES - 4


def test_reading_stops_at_the_node_limit() -> None:
    fits = (MAX_NODES - 2) // 2
    assert len(read("".join(f"k{i}: 1\n" for i in range(fits))).entries) == fits
    text = "".join(f"k{i}: 1\n" for i in range(20_000))
    # The mapping, then key and value by turns: the value of line 1000 is the 2001st.
    assert problems(text) == [
        f"shapemaker.yml:1000:7: the document has more than {MAX_NODES} values (reading stopped here)"
    ]


def test_an_alias_is_never_expanded() -> None:
    bomb = "a: &a [x, x]\n" + "".join(
        f"{name}: &{name} [{', '.join([f'*{chr(ord(name) - 1)}'] * 400)}]\n" for name in "bcdefghi"
    )
    found = problems(bomb)
    assert found[-1].endswith(f"the document has more than {MAX_NODES} values (reading stopped here)")
    assert len(found) < 20


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ("{a: ", "}")])
def test_nesting_ends_at_32(opening: str, closing: str) -> None:
    read("a: " + opening * 30 + "1" + closing * 30 + "\n")
    for steep in ("a: " + opening * 50_000, "- " * 50_000 + "x"):
        (problem,) = problems(steep + "\n")
        assert problem.endswith("the nesting is deeper than 32 levels (reading stopped here)")


def test_several_problems_show_at_once() -> None:
    found = problems("a: &x 1\nb: !!set {}\nc: *x\nd: 1\nd: 2\ne: .inf\n<<: {}\n")
    assert [each.split(": ", 1)[0] for each in found] == [
        "shapemaker.yml:1:4",
        "shapemaker.yml:2:4",
        "shapemaker.yml:3:4",
        "shapemaker.yml:5:1",
        "shapemaker.yml:6:4",
        "shapemaker.yml:7:1",
    ]


def test_a_value_of_the_command_line_may_be_a_list_or_mapping() -> None:
    node = document.parse_value("[1, {a: b}]", Position(file="--set", line=2, column=9))
    assert isinstance(node, ListNode)
    assert plain(node) == [1, {"a": "b"}]
    assert str(find(node, (1, "a")).position) == "--set:2:17"  # type: ignore[union-attr]
    assert plain(document.parse_value("", Position(file="--set"))) is None


def test_both_parsers_see_the_same_tree_at_the_same_places() -> None:
    for path in sorted(CASES.glob("good-*/*.yml")):
        text = path.read_text().rstrip("\n")
        # Without a line end at its end PyYAML's own scanner reads it, with one libyaml.
        assert read(text) == read(f"{text}\n"), path


@pytest.mark.parametrize("text", ["a: {b: }\n", "a:\tb\n", "a: {?b: 1}\n", "a: |x\n", "a: !\n", "a:\n# nothing\n"])
def test_what_the_parsers_disagree_on_is_as_pyyaml_says(text: str) -> None:
    assert document._loader(text) is yaml.SafeLoader  # noqa: SLF001 - the choice shows nowhere else
