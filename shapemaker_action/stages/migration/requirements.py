"""What the images have to install: the model's requirements, and what the Dockerfiles installed beside them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from shapemaker_action.diagnostics import Position

if TYPE_CHECKING:
    from shapemaker_action.stages.migration.folder import Folder
    from shapemaker_action.stages.migration.images import Additions
    from shapemaker_action.stages.migration.sheet import Sheet

BASE = "requirements_modelpkg.txt"
OWN = "requirements_images.txt"

_CAME_ALONG = {
    "boto3": "boto3",
    "flask": "flask",
    "gevent": "gevent",
    "numpy": "numpy",
    "paramiko": "paramiko",
    "psutil": "psutil",
    "sagemaker_training": "sagemaker-training",
    "scipy": "scipy",
    "werkzeug": "werkzeug",
}
"""Modules that the code could import without naming them: the web server's or the training toolkit's."""

_HEAD = """\
# What both images install: the model's requirements, and what app.py and train.py need beside them.
"""


def read(folder: Folder, imports: set[str], additions: Additions, sheet: Sheet) -> dict[str, str]:
    """Carry `build.requirements`; the text of the file that it names, if that is a new one."""
    has_base = folder.has(BASE)
    listed = _listed(folder.text(BASE)) if has_base else set()
    wanted = dict(additions.requirements)
    named = listed | {_name(each) for each in wanted}
    for module in sorted(imports & _CAME_ALONG.keys()):
        if _name(_CAME_ALONG[module]) not in named:
            wanted[_CAME_ALONG[module]] = Position(file="app.py" if module == "flask" else "train.py")
    missing = [each for each in wanted if _name(each) not in listed]
    if not missing:
        place = Position(file=BASE if has_base else "images/training/Dockerfile")
        sheet.carry(("build", "requirements"), BASE if has_base else "", place)
        return {}
    sheet.carry(("build", "requirements"), OWN, wanted[missing[0]])
    lines = [*([f"-r {BASE}"] if has_base else []), *missing]
    return {OWN: _HEAD + "".join(f"{line}\n" for line in lines)}


def _listed(text: str) -> set[str]:
    """The projects that a requirements file names, as far as its lines begin with them."""
    return {
        _name(match[0])
        for line in text.splitlines()
        if (match := re.match(r"[A-Za-z0-9][A-Za-z0-9._-]*", line.strip()))
    }


def _name(requirement: str) -> str:
    return re.sub(r"[-_.]+", "-", re.split(r"[\[<>=!~ ]", requirement, maxsplit=1)[0]).lower()
