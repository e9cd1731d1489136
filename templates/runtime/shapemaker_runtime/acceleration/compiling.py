"""Trees become C, by treelite and tl2cgen, and a shared library: once, in training, where a compiler is."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import redirect_stdout
from pathlib import Path
from time import monotonic
from typing import Any

from shapemaker_runtime.acceleration.ensembles import plain_tree
from shapemaker_runtime.acceleration.kernel import UnsupportedError
from shapemaker_runtime.errors import SetupError

NODES = 1_000_000
"""Of all trees. A compiler takes about a millisecond for two."""
SECONDS = 900.0
"""For all compiling of an estimator."""

_NODES_A_UNIT = 2000
_COMPILERS = ("cc", "gcc", "clang")
# More optimisation takes several times as long, and the trees are no quicker for it.
_FLAGS = ("-O1", "-fPIC", "-std=c99")

# 32 bits of a double tell nothing: with them, numbers just below one that is short would count as missing.
_MISSING, _ALL_OF_IT = "  int missing;\n", "  int64_t missing;\n"

_ENTRANCE = """\
#include "header.h"

void shapemaker_shape(int32_t* features_and_outputs) {
  features_and_outputs[0] = get_num_feature();
  features_and_outputs[1] = N_TARGET * MAX_N_CLASS;
}

void shapemaker_predict(union Entry* rows, int64_t count, double* results) {
  const int64_t features = get_num_feature();
  for (int64_t row = 0; row < count; ++row, rows += features, results += N_TARGET * MAX_N_CLASS) {
    for (int64_t each = 0; each < features; ++each) {
      if (rows[each].fvalue != rows[each].fvalue) rows[each].missing = -1;
    }
    predict(rows, 1, results);
  }
}
"""


def library(trees: Any, file_of: Path, *, nodes: int = NODES, seconds: float = SECONDS) -> Path:
    """Compile an ensemble of scikit-learn; the library's name begins with `file_of` and ends in its digest.

    Raises:
        UnsupportedError: treelite cannot read it, there is no compiler, or it would take too long.
    """
    compiler = _compiler()
    with tempfile.TemporaryDirectory() as folder:
        sources = _sources(trees, Path(folder), nodes)
        made = _linked(compiler, sources, seconds)
        content = made.read_bytes()
    # Named by content: the loader takes a library of a name that it has loaded before for the same one.
    file = file_of.with_name(f"{file_of.name}-{hashlib.sha256(content).hexdigest()[:16]}.so")
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(content)
    return file


def _compiler() -> str:
    for name in (os.environ.get("CC", ""), *_COMPILERS):
        found = shutil.which(name) if name else None
        if found:
            return found
    raise UnsupportedError(
        "there is no C compiler where it is trained. Our Dockerfiles install one for training; your own needs gcc and "
        "libc6-dev in its training stage, and without containers the machine needs them"
    )


def _sources(trees: Any, folder: Path, nodes: int) -> list[Path]:
    try:
        import tl2cgen  # noqa: PLC0415 - only in images that ask for it
        import treelite  # noqa: PLC0415 - the same
    except ImportError as error:
        raise SetupError(
            f"serve.accelerate: compiled needs treelite and tl2cgen in the training image: {error}"
        ) from None
    try:
        model = treelite.sklearn.import_model(trees)
    # treelite reads private members too, so a version of scikit-learn that it doesn't know shows as any of these.
    except (treelite.TreeliteError, RuntimeError, ValueError, TypeError, AttributeError) as error:
        raise UnsupportedError(f"treelite cannot read it: {_line(str(error)) or type(error).__name__}") from None
    units = _units(model, nodes)
    _tell_missing(model, trees)
    try:
        # It prints what it does.
        with redirect_stdout(io.StringIO()):
            tl2cgen.generate_c_code(model, dirpath=folder, params={"quantize": 0, "parallel_comp": units})
    except tl2cgen.TL2cgenError as error:
        raise UnsupportedError(f"tl2cgen cannot write it in C: {_line(str(error))}") from None
    header = folder / "header.h"
    text = header.read_text("utf-8")
    if text.count(_MISSING) != 1 or model.input_type != "float64":
        raise UnsupportedError("this version of tl2cgen writes C of another form than is known")
    header.write_text(text.replace(_MISSING, _ALL_OF_IT), "utf-8")
    (folder / "entrance.c").write_text(_ENTRANCE, "utf-8")
    return sorted(folder.glob("*.c"))


def _tell_missing(model: Any, trees: Any) -> None:
    """Where NaN goes in a forest: treelite does not read it from there before 4.8, which Python 3.10 does not have."""
    members = getattr(trees, "estimators_", [])
    if not isinstance(members, list):
        return  # boosted trees take none
    for number, member in enumerate(members):
        left = plain_tree(member.tree_).missing_left
        accessor = model.get_tree_accessor(number)
        accessor.set_field("default_left", left.astype(accessor.get_field("default_left").dtype))


def _units(model: Any, limit: int) -> int:
    """In how many files the trees are written: together they are compiled by all cores."""
    nodes = sum(int(model.get_tree_accessor(each).get_field("num_nodes")[0]) for each in range(model.num_tree))
    if nodes > limit:
        raise UnsupportedError(
            f"its trees have {nodes} nodes, and more than {limit} take too long to compile; "
            "fewer or smaller trees do (max_leaf_nodes, min_samples_leaf), or accelerate: builtin"
        )
    return min(int(model.num_tree), nodes // _NODES_A_UNIT + 1)


def _linked(compiler: str, sources: list[Path], seconds: float) -> Path:
    deadline = monotonic() + seconds
    made = sources[0].with_name("library.so")
    objects = [each.with_suffix(".o") for each in sources]
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        running = [
            pool.submit(_run, [compiler, *_FLAGS, "-c", str(source), "-o", str(target)], deadline)
            for source, target in zip(sources, objects, strict=True)
        ]
        try:
            for each in running:
                each.result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
    _run([compiler, "-shared", *map(str, objects), "-lm", "-o", str(made)], deadline)
    return made


def _run(command: list[str], deadline: float) -> None:
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=max(0.0, deadline - monotonic()),
        )
    except subprocess.TimeoutExpired:
        raise UnsupportedError(
            "its trees take too long to compile; fewer or smaller trees do (max_leaf_nodes, min_samples_leaf), "
            "or accelerate: builtin"
        ) from None
    except OSError as error:
        raise UnsupportedError(f"{command[0]} does not start: {error.strerror}") from None
    if done.returncode:
        said = next((each for each in done.stderr.splitlines() if "error" in each), done.stderr)
        raise UnsupportedError(f"{command[0]} fails (are libc6-dev and binutils installed?): {_line(said)}")


def _line(text: str) -> str:
    lines = [each.strip() for each in text.splitlines() if each.strip()]
    return lines[0][:200] if lines else ""
