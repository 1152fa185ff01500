"""Elementary functions that take tensors and symbols alike, so that an energy density can be computed with and also be differentiated by hand.

Use them in ``Problem.density`` instead of torch's: ``log(j)`` is ``torch.log`` for a tensor and ``sympy.log`` for a symbol.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch


def _dispatch(name: str) -> Callable[[Any], Any]:
    def function(z: Any) -> Any:
        if isinstance(z, torch.Tensor):
            return getattr(torch, name)(z)
        import sympy  # late: only where a residual is derived

        return np.vectorize(getattr(sympy, name), otypes=[object])(z)[()]

    function.__name__ = name
    function.__doc__ = f"{name}(z), elementwise."
    return function


exp = _dispatch("exp")
log = _dispatch("log")
sin = _dispatch("sin")
cos = _dispatch("cos")
tanh = _dispatch("tanh")
sqrt = _dispatch("sqrt")
