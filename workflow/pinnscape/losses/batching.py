"""Evaluation of a function at several rows at once, where that gives the same results as one row after the other.

Functions of users cannot all be batched by ``torch.vmap``: they may differentiate with ``torch.autograd.grad``, change buffers, or
use numbers of Python. Whether a function can is found by trying, with a comparison at the first two rows.
"""

import warnings
from collections.abc import Callable

import torch
from torch import Tensor

Values = dict[str, Tensor]
_CHUNK = 16  # rows at a time


class Batching:
    """Remembers which functions can be evaluated at several rows at once.

    Args:
        tolerance: largest deviation of results, relative to the largest magnitude.
    """

    def __init__(self, tolerance: float) -> None:
        self._tolerance = tolerance
        self._works: dict[str, bool] = {}

    def __call__(self, key: str, one: Callable[[Tensor], Values], many: Callable[[Tensor], Values], rows: Tensor) -> Values:
        """The values of a function at rows (n, ...), by name, each (n, ...).

        Args:
            key: identifies the function.
            one: the function of a single row.
            many: the function of several rows.
            rows: the rows.
        """
        if len(rows) > 1 and key not in self._works:
            self._works[key] = self._agree(one, many, rows[:2])
        if len(rows) > 1 and self._works[key]:
            parts = [many(part) for part in rows.split(_CHUNK)]
            return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}
        return _stacked(one, rows)

    def _agree(self, one: Callable[[Tensor], Values], many: Callable[[Tensor], Values], rows: Tensor) -> bool:
        expected = _stacked(one, rows)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")  # torch warns of operations that it evaluates row by row after all
                found = many(rows)
        except Exception:  # noqa: BLE001 (whatever a user's function raises here, it can be evaluated row by row)
            return False
        return expected.keys() == found.keys() and all(self._same(found[name], expected[name]) for name in expected)

    def _same(self, found: Tensor, expected: Tensor) -> bool:
        if found.shape != expected.shape or not torch.equal(found.isnan(), expected.isnan()):
            return False
        one, other = (values.nan_to_num().double() for values in (found, expected))
        return bool((one - other).abs().max() <= self._tolerance * other.abs().max())


def _stacked(one: Callable[[Tensor], Values], rows: Tensor) -> Values:
    parts = [one(row) for row in rows]
    return {name: torch.stack([part[name] for part in parts]) for name in parts[0]}
