"""Evaluation of a function of a torch module at other parameters, without changing the module.

``torch.func.functional_call`` exchanges the parameters for the duration of a call, and puts them back after exceptions too. The
function may do with the module what it does in a training loop: differentiate with ``torch.autograd.grad``, use buffers, or
refer to the module by another name. Each place of a parameter is exchanged once, because ``functional_call`` (torch 2.13) does
not put back the parameters of a submodule that has two names.
"""

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_map

from pinnscape.networks.modules import flat, trainable

Function = Callable[..., Any]  # of a module


class _Holder(nn.Module):
    """A module that evaluates a function of another module, as ``functional_call`` needs it."""

    def __init__(self, module: nn.Module, function: Function) -> None:
        super().__init__()
        self.module, self.function = module, function

    def forward(self) -> Any:
        return self.function(self.module)


class Flat:
    """A module as a function of a flat vector of its trainable parameters.

    Args:
        module: the module; it is never changed.
        precise: whether all float32 tensors are converted to float64 during an evaluation.

    Raises:
        ModelError: the trainable parameters cannot be joined to one vector.
    """

    def __init__(self, module: nn.Module, *, precise: bool = False) -> None:
        parameters = trainable(module)
        first = next(iter(parameters.values()))
        self.module, self.precise, self.device = module, precise, first.device
        self._shapes = [(p.shape, torch.float64 if precise else p.dtype) for p in parameters.values()]
        self._sizes = [p.numel() for p in parameters.values()]
        numbers = {id(p): number for number, p in enumerate(parameters.values())}
        self._places = {name: numbers[id(p)] for name, p in _places(module, "_parameters") if id(p) in numbers}

    @property
    def size(self) -> int:
        """Number of parameters P."""
        return sum(self._sizes)

    @property
    def single(self) -> bool:
        """Whether evaluations are in single precision."""
        return any(dtype == torch.float32 for _, dtype in self._shapes)

    @property
    def theta(self) -> Tensor:
        """The current parameters of the module (P,), float64."""
        return flat(self.module)

    def __call__(self, function: Function, theta: Tensor) -> Any:
        """The result of ``function(module)`` at theta (P,).

        Buffers, such as the running means of batch normalisation, are copies, so that evaluations do not depend on one another.
        Submodules are put back into the mode (training or not) in which they were.
        """
        split = zip(self._shapes, theta.split(self._sizes), strict=True)
        parts = [part.view(shape).to(dtype) for (shape, dtype), part in split]
        exchanged = {name: parts[number] for name, number in self._places.items()}
        exchanged |= {name: buffer.clone() for name, buffer in _places(self.module, "_buffers")}
        holder, modes = _Holder(self.module, function), [(own, own.training) for own in self.module.modules()]
        try:
            with torch.enable_grad(), _Double() if self.precise else nullcontext():
                return functional_call(holder, exchanged, tie_weights=False)
        finally:
            for own, mode in modes:
                own.training = mode


def _places(module: nn.Module, kind: str) -> list[tuple[str, Tensor]]:
    """Each place of a parameter or buffer with its name within ``_Holder``; of a submodule with two names, only the first."""
    return [
        (f"module.{prefix}{'.' if prefix else ''}{name}", value)
        for prefix, own in module.named_modules()
        for name, value in getattr(own, kind).items()
        if value is not None
    ]


class _Double(TorchFunctionMode):
    """Converts float32 to float64 in all calls of torch.

    A tensor is converted once, so that derivatives with respect to a converted leaf are derivatives with respect to the same
    tensor everywhere.
    """

    def __init__(self) -> None:
        super().__init__()
        self._known: dict[int, tuple[Tensor, Tensor]] = {}

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is Tensor.float:
            func = Tensor.double
        args, kwargs = tree_map(self._converted, (args, kwargs or {}))
        return func(*args, **kwargs)

    def _converted(self, value: Any) -> Any:
        if value is torch.float32:
            return torch.float64
        if not isinstance(value, Tensor) or value.dtype != torch.float32:
            return value
        if id(value) not in self._known:
            double = value.double()
            if value.is_leaf and value.requires_grad:
                double = double.detach().requires_grad_()
            self._known[id(value)] = value, double
        return self._known[id(value)][1]
