"""Trained weights of modules in files."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from pinnscape.common.errors import ModelError
from pinnscape.common.texts import said, shown
from pinnscape.models.states import fitted

_NESTED = ("state_dict", "model_state_dict", "model")  # names under which programs store the weights


def read(path: Path) -> dict[str, Tensor]:
    """The tensors in a file by name, on the CPU. Code in the file is not executed.

    Args:
        path: a file that ``torch.save`` or safetensors wrote: a ``state_dict``, or a dictionary that contains one under
            ``state_dict``, ``model_state_dict`` or ``model``.

    Raises:
        ModelError: the file cannot be read, or contains no weights.
    """
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            found: Any = load_file(path)
        else:
            found = torch.load(path, map_location="cpu", weights_only=True)
    except ModuleNotFoundError:
        raise ModelError(f"{shown(path)}: reading safetensors needs the package safetensors; install it") from None
    except Exception as error:
        text = "it contains more than weights; save module.state_dict()" if "weights_only" in str(error) else said(error)
        raise ModelError(f"{shown(path)}: not a readable file of weights: {text}") from error
    for name in _NESTED:
        if isinstance(found, Mapping) and isinstance(found.get(name), Mapping):
            found = found[name]
            break
    if not isinstance(found, Mapping) or not found or not all(isinstance(value, Tensor) for value in found.values()):
        raise ModelError(f"{shown(path)}: contains no weights; save module.state_dict()")
    return {str(name): value for name, value in found.items()}


def loaded(module: nn.Module, path: Path) -> nn.Module:
    """A copy of a module with the weights and buffers of a file.

    Raises:
        ModelError: the file cannot be read, or does not fit the module.
    """
    try:
        return fitted(module, read(path))
    except ValueError as error:
        raise ModelError(f"{shown(path)}: does not fit the module that model() makes: {error}") from None
