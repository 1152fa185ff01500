"""Weights of modules by name, and whether they fit a module."""

import copy
from collections.abc import Mapping

from torch import Tensor, nn

_PREFIXES = ("module.", "_orig_mod.", "model.", "net.", "network.")  # added by wrappers, such as DataParallel
_MOST = 3  # names in a message


def fitted(module: nn.Module, state: Mapping[str, Tensor]) -> nn.Module:
    """A copy of a module with other parameters and buffers. Prefixes that wrappers add to all names are removed.

    Args:
        module: the module.
        state: tensors by name.

    Raises:
        ValueError: the names or shapes are not those of the module.
    """
    own, given = module.state_dict(), _without_prefix(dict(state), set(module.state_dict()))
    if missing := [name for name in own if name not in given]:
        raise ValueError(f"it lacks {_listed(missing)}")
    if unknown := [name for name in given if name not in own]:
        raise ValueError(f"it has {_listed(unknown)}, which the module lacks")
    for name, tensor in own.items():
        if isinstance(tensor, Tensor) and tensor.shape != given[name].shape:
            raise ValueError(f"{name} has the shape {tuple(given[name].shape)}, that of the module {tuple(tensor.shape)}")
    found = copy.deepcopy(module)
    found.load_state_dict(given)
    return found


def fixed(module: nn.Module) -> dict[str, Tensor]:
    """The tensors of a module that are not trainable, by name: buffers and frozen parameters."""
    frozen = {name: value.detach() for name, value in module.named_parameters() if not value.requires_grad}
    return frozen | dict(module.named_buffers())


def _without_prefix(state: dict[str, Tensor], names: set[str]) -> dict[str, Tensor]:
    for prefix in _PREFIXES:
        if set(state) != names and all(name.startswith(prefix) for name in state):
            state = {name.removeprefix(prefix): value for name, value in state.items()}
    return state


def _listed(names: list[str]) -> str:
    return ", ".join(names[:_MOST]) + (f" and {len(names) - _MOST} more" if len(names) > _MOST else "")
