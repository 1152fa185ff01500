"""Functions of a module that return several values by name, as one function for each value."""

from collections.abc import Callable, Mapping
from typing import Any

from torch import nn

Function = Callable[..., Any]  # of a module


class Entry:
    """A function that returns one of the values of a function that returns several by name.

    Attributes:
        whole: the function that returns all of them. Entries of the same function can be evaluated together.
        name: name of the value.
    """

    def __init__(self, whole: Function, name: str) -> None:
        self.whole, self.name = whole, name

    def __call__(self, module: nn.Module, **more: Any) -> Any:
        return self.whole(module, **more)[self.name]


def together(functions: Mapping[str, Function], module: nn.Module) -> dict[str, Any]:
    """Evaluate functions of a module, by name. A function with several entries is evaluated once."""
    wholes: dict[int, Any] = {}

    def value(function: Function) -> Any:
        if not isinstance(function, Entry):
            return function(module)
        key = id(function.whole)
        if key not in wholes:
            wholes[key] = function.whole(module)
        return wholes[key][function.name]

    return {name: value(function) for name, function in functions.items()}
