"""Elementary functions that accept numbers, arrays, tensors, SymPy symbols and fields.

An equation that is written with these functions, instead of those of torch, can be evaluated and be differentiated symbolically:
``log(j)`` is ``torch.log`` for a tensor, ``np.log`` for an array, ``sympy.log`` for a symbol and ``math.log`` for a number. The
module imports neither torch nor SymPy before they are needed.
"""

import math
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from pinnscape.problems.field import value_of

pi = math.pi


def is_tensor(z: Any) -> bool:
    """Whether an object is a tensor, without importing torch."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(z, torch.Tensor)


def is_array(z: Any) -> bool:
    """Whether an object is a NumPy array of numbers."""
    return isinstance(z, np.ndarray) and z.dtype != object


_NUMPY = {"atan2": "arctan2"}


def _dispatch(name: str, arguments: str = "z") -> Callable[..., Any]:
    def function(*values: Any) -> Any:
        values = tuple(value_of(value) for value in values)
        tensor = next((value for value in values if is_tensor(value)), None)
        if tensor is not None:
            import torch

            return getattr(torch, name)(*(v if is_tensor(v) else torch.full_like(tensor, v) for v in values))
        if any(is_array(value) for value in values):
            return getattr(np, _NUMPY.get(name, name))(*values)
        if all(isinstance(value, (int, float)) for value in values):
            return getattr(math, name)(*values)
        import sympy  # imported here, because it is needed only for derivations

        return np.vectorize(getattr(sympy, name), otypes=[object])(*values)[()]

    function.__name__ = name
    function.__doc__ = f"{name}({arguments}), elementwise."
    return function


exp = _dispatch("exp")
log = _dispatch("log")
sin = _dispatch("sin")
cos = _dispatch("cos")
tan = _dispatch("tan")
sinh = _dispatch("sinh")
cosh = _dispatch("cosh")
tanh = _dispatch("tanh")
sqrt = _dispatch("sqrt")
atan2 = _dispatch("atan2", "y, x")

FUNCTIONS = {function.__name__: function for function in (exp, log, sin, cos, tan, sinh, cosh, tanh, sqrt, atan2)}
