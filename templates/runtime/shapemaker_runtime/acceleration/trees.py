"""Many decision trees at once, for a few rows: NumPy walks all of them together instead of one after the other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

Array = Any
"""An ndarray; what is in it depends on the model."""

_BITS = 64
_HALF = 32
_SLICE_CELLS = 200_000
"""Comparisons in one go; more would leave the processor's cache."""
_BITS_ROWS = 256
_STEP_CELLS = 20_000
"""Rows, and rows times trees, up to which NumPy is quicker than a compiled loop over the trees (measured)."""


class Tree(NamedTuple):
    """One tree, an entry for each node. At a leaf `left` is negative."""

    feature: Array
    threshold: Array
    left: Array
    right: Array
    missing_left: Array
    """Whether NaN goes left."""
    value: Array
    """Node by output; those of leaves count."""


class Bits:
    """Trees of at most 64 leaves: each comparison that fails crosses out the leaves left of it; the first other is it.

    All comparisons of all trees are made at once, so nothing depends on how deep the trees are.
    """

    def __init__(self, trees: Sequence[Tree]) -> None:
        depth = max(1, *(int((tree.left >= 0).sum()) for tree in trees))
        shape = (depth, len(trees))
        self._feature: Array = np.zeros(shape, dtype=np.intp)
        self._threshold: Array = np.full(shape, np.inf)
        self._missing_right: Array = np.zeros(shape, dtype=bool)
        self._shape = shape
        leaves = max(_leaves(tree) for tree in trees)
        self._crossed_out: Array = np.zeros(shape, dtype=np.uint32 if leaves <= _HALF else np.uint64)
        self._offset = np.arange(len(trees)) * leaves
        self._value = np.zeros((len(trees) * leaves, trees[0].value.shape[1]))
        for number, tree in enumerate(trees):
            self._add(tree, number)
        self._feature, self._threshold, self._crossed_out, self._missing_right = (
            each.ravel() for each in (self._feature, self._threshold, self._crossed_out, self._missing_right)
        )
        self._slice = max(1, _SLICE_CELLS // (depth * len(trees)))
        self.max_rows = _BITS_ROWS

    def _add(self, tree: Tree, number: int) -> None:
        inner = iter(range(self._shape[0]))
        count = 0
        # In order: the place of a leaf is how many leaves are left of it. On a list, because a tree may be deep.
        spans: dict[int, tuple[int, int]] = {}
        waiting = [(0, False)]
        while waiting:
            node, is_left_done = waiting.pop()
            if tree.left[node] < 0:
                self._value[self._offset[number] + count] = tree.value[node]
                count += 1
            elif is_left_done:
                place = next(inner), number
                first, last = spans[node][0], count
                self._feature[place] = tree.feature[node]
                self._threshold[place] = tree.threshold[node]
                self._missing_right[place] = not tree.missing_left[node]
                self._crossed_out[place] = (1 << last) - (1 << first)
                waiting.append((int(tree.right[node]), False))
            else:
                spans[node] = (count, count)
                waiting.append((node, True))
                waiting.append((int(tree.left[node]), False))

    def __call__(self, rows: Array, *, has_missing: bool) -> Array:
        """Row by tree by output, out of rows of doubles."""
        leaves = [
            self._leaves(rows[start : start + self._slice], has_missing=has_missing)
            for start in range(0, len(rows), self._slice)
        ]
        return self._value.take((leaves[0] if len(leaves) == 1 else np.concatenate(leaves)) + self._offset, axis=0)

    def _leaves(self, rows: Array, *, has_missing: bool) -> Array:
        cells = rows.take(self._feature, axis=1)
        right = cells > self._threshold
        if has_missing:
            right |= np.isnan(cells) & self._missing_right
        # A product, because it is several times quicker than a choice.
        crossed_out = np.bitwise_or.reduce((right * self._crossed_out).reshape(len(rows), *self._shape), axis=1)
        # The lowest bit that is not set, as a power of two, of which a double knows the exponent exactly.
        return np.frexp((~crossed_out & (crossed_out + 1)).astype(np.float64))[1] - 1


class Walk:
    """Trees of any size, all going down by one level at a time."""

    def __init__(self, trees: Sequence[Tree]) -> None:
        sizes = [len(tree.feature) for tree in trees]
        starts = np.concatenate([[0], np.cumsum(sizes)])[:-1]
        feature = np.concatenate([tree.feature for tree in trees]).astype(np.intp)
        threshold = np.concatenate([tree.threshold for tree in trees]).astype(np.float64)
        missing_right = np.concatenate([~tree.missing_left.astype(bool) for tree in trees])
        children = np.empty((len(feature), 2), dtype=np.intp)
        for tree, start, size in zip(trees, starts, sizes, strict=True):
            is_leaf = tree.left < 0
            nodes = np.arange(start, start + size)
            children[start : start + size, 0] = np.where(is_leaf, nodes, tree.left.astype(np.intp) + start)
            children[start : start + size, 1] = np.where(is_leaf, nodes, tree.right.astype(np.intp) + start)
        leaf = children[:, 0] == np.arange(len(feature))
        feature[leaf], threshold[leaf], missing_right[leaf] = 0, np.inf, False
        # Nodes are numbered in twos, so that the next one is looked up with a sum alone.
        self._children = 2 * children.ravel()
        self._feature, self._threshold = np.repeat(feature, 2), np.repeat(threshold, 2)
        self._missing_right = np.repeat(missing_right, 2)
        self._value = np.concatenate([tree.value for tree in trees])
        self._roots = 2 * starts.astype(np.intp)
        self._depth = max(_depth(tree) for tree in trees)
        self.max_rows = max(1, _STEP_CELLS // len(trees))

    def __call__(self, rows: Array, *, has_missing: bool) -> Array:
        """Row by tree by output, out of rows of doubles."""
        count, width = rows.shape
        flat = np.ascontiguousarray(rows).ravel()
        start = (np.arange(count) * width)[:, None]
        node = np.broadcast_to(self._roots, (count, len(self._roots)))
        for _ in range(self._depth):
            cells = flat.take(self._feature.take(node) + start)
            right = cells > self._threshold.take(node)
            if has_missing:
                right |= np.isnan(cells) & self._missing_right.take(node)
            node = self._children.take(node + right)
        return self._value.take(node >> 1, axis=0)


def together(trees: Sequence[Tree]) -> Bits | Walk:
    """The quicker of the two that can hold these trees."""
    return Bits(trees) if max(_leaves(tree) for tree in trees) <= _BITS else Walk(trees)


def added(values: Array) -> Array:
    """Sums over the trees one by one, as a loop would: NumPy's own sum has another order, so not the same bits."""
    return np.add.accumulate(values, axis=1)[:, -1]


def _leaves(tree: Tree) -> int:
    return int((tree.left < 0).sum())


def _depth(tree: Tree) -> int:
    level, depth = np.zeros(1, dtype=np.intp), 0
    while len(level := level[tree.left[level] >= 0]):
        level = np.concatenate([tree.left[level], tree.right[level]]).astype(np.intp)
        depth += 1
    return depth
