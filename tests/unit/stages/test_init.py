from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from shapemaker_action.errors import InvalidInputError
from shapemaker_action.stages import init

if TYPE_CHECKING:
    from pathlib import Path


def test_every_part_lands_where_its_setting_says(tmp_path: Path) -> None:
    for name, part in init.parts().items():
        outcome = init.run(tmp_path, name)
        assert (tmp_path / part.to).is_dir()
        assert list((tmp_path / part.to).rglob("*"))
        assert part.setting in outcome.next
    assert not list(tmp_path.rglob("__pycache__"))


def test_what_is_there_is_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "iam").mkdir()
    (tmp_path / "iam" / "mine.json").write_text("{}")
    with pytest.raises(InvalidInputError, match="exists already"):
        init.run(tmp_path, "iam")
    assert [path.name for path in (tmp_path / "iam").iterdir()] == ["mine.json"]


@pytest.mark.parametrize("name", ["", "bogus", "../etc"])
def test_an_unknown_part_names_those_there_are(tmp_path: Path, name: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        init.run(tmp_path, name)
    assert "runtime" in caught.value.remedy
