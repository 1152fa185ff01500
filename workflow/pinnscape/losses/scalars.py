"""Scalars that functions of a module return."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from pinnscape.common.errors import ModelError

ONLY = "loss"  # name of the only term of a loss that is a single scalar


def named(found: Any, name: str, kind: str) -> dict[str, Tensor]:
    """What a function returned, as float64 scalars by name.

    Args:
        found: a scalar, or scalars by name.
        name: name of the function, or of a single scalar of the kind ``error``.
        kind: ``loss`` or ``error``; the values of a loss must be tensors, so that they can be differentiated.

    Raises:
        ModelError: a value is not a scalar.
    """
    if not isinstance(found, Mapping):
        found = {ONLY if kind == "loss" else name: found}
    if not found:
        raise ModelError(f"the {kind} {name} returned no terms; must return a scalar tensor or a dictionary of them")
    return {
        str(term): _scalar(value, f"the {kind} {name}" + (f": term {term}" if len(found) > 1 else ""), kind)
        for term, value in found.items()
    }


def _scalar(value: Any, what: str, kind: str) -> Tensor:
    if isinstance(value, (bool, int, float)) and kind == "error":
        return torch.tensor(float(value), dtype=torch.float64)
    if isinstance(value, (bool, int, float)):
        raise ModelError(
            f"{what} is a Python number; must be a scalar tensor: leave out .item() and float(), which lose the derivatives"
        )
    if not isinstance(value, Tensor):
        raise ModelError(f"{what} is of type {type(value).__name__}; must be a scalar tensor")
    if value.numel() != 1:
        shape = tuple(value.shape)
        raise ModelError(f"{what} has the shape {shape}; must be a scalar: take the mean or the sum of its entries")
    if value.is_complex():
        raise ModelError(f"{what} is complex; must be real")
    return value.reshape(()).double()
