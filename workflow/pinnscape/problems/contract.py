"""What every problem must keep to: its methods and attributes are there, and the methods give tensors of the right kind.

``form`` is checked wherever a problem is discretised; what costs more is in ``validation``. Every fault is one line that names file, class, method and
remedy.
"""

import math
import sys
import textwrap
from collections.abc import Callable
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from pinnscape.common import memory
from pinnscape.common.errors import PinnscapeError, ProblemError
from pinnscape.networks.jets import Jet, function_jet
from pinnscape.problems.base import Problem

FIELDS = ("exact", "lift", "distance")  # functions of x alone
_SIGNATURES = {"density": "density(self, x, u, du)", "exact": "exact(self, x)"}


def fault(problem: Any, method: str, text: str) -> ProblemError:
    """An error in a method of a problem."""
    return ProblemError(f"{_file(type(problem))}: {type(problem).__name__}.{method}: {text}")


def _file(cls: type) -> str:
    path = getattr(sys.modules.get(cls.__module__), "__file__", None)
    if path is None:
        return cls.__module__
    found = Path(path).resolve()
    return str(found.relative_to(Path.cwd()) if found.is_relative_to(Path.cwd()) else found)


@contextmanager
def naming(problem: Any, method: str, remedy: str = "see the docstrings of pinnscape.problems.base"):
    """Whatever goes wrong inside is a fault of this method, unless it is memory that ran out.

    Raises:
        ProblemError: something did.
    """
    try:
        yield
    except PinnscapeError:
        raise
    except Exception as error:
        if memory.ran_out(error):
            raise
        said = str(error).strip().splitlines()
        text = textwrap.shorten(said[0], 150, placeholder=" ...") if said else "no message"
        raise fault(problem, method, f"{type(error).__name__}: {text}; {remedy}") from error


def form(problem: Any, points: Tensor) -> None:
    """Check that a problem has what it must have, and that its methods give tensors of the right kind.

    Args:
        problem: any object.
        points: some of the points (n, d) at which it will be used.

    Raises:
        ProblemError: the first fault.
    """
    presence(problem)
    for name in FIELDS:
        field(problem, name, points)
    density(problem, points, *along(problem, points))


def presence(problem: Any) -> None:
    """Check methods and attributes without calling anything.

    Raises:
        ProblemError: the first fault.
    """
    for name, signature in _SIGNATURES.items():
        method = getattr(problem, name, None)
        if getattr(method, "__func__", None) is getattr(Problem, name):
            raise fault(problem, name, f"is missing; define `def {signature}`")
        if not callable(method):
            raise fault(problem, name, f"is {method!r}; define a method `def {signature}`")
    dimension, components, scale = (getattr(problem, name, None) for name in ("dimension", "components", "scale"))
    if isinstance(dimension, bool) or dimension not in (1, 2, 3):
        raise fault(problem, "dimension", f"is {dimension!r}; must be 1, 2 or 3, the number of variables")
    names = list(components) if isinstance(components, (tuple, list)) else []
    if not names or not all(isinstance(name, str) and name for name in names) or len(set(names)) < len(names):
        raise fault(
            problem, "components", f'is {components!r}; must be a tuple with a name for each component of u, such as ("u",)'
        )
    if isinstance(scale, bool) or not isinstance(scale, (int, float)) or not 0.0 < scale < math.inf:
        raise fault(problem, "scale", f"is {scale!r}; must be a number above 0, the typical size of u - lift")


def _columns(problem: Any, name: str) -> int:
    return 1 if name == "distance" else len(problem.components)


class _SinglePrecision(TorchFunctionMode):
    """Finds the first operation that takes digits from a float64 tensor; constants of fewer digits are promoted and do no such harm."""

    found = ""

    def __torch_function__(self, func: Callable, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        result = func(*args, **(kwargs or {}))
        reduced = isinstance(result, Tensor) and result.is_floating_point() and result.dtype != torch.float64
        if reduced and not self.found and any(isinstance(a, Tensor) and a.ndim and a.dtype == torch.float64 for a in args):
            self.found = f"{str(result.dtype).removeprefix('torch.')} ({getattr(func, '__name__', func)})"
        return result


def call(problem: Any, name: str, *arguments: Tensor, mode: Any = None) -> Any:
    kept = [(argument.clone(), argument._version) for argument in arguments]
    with (
        naming(problem, name, "it gets tensors of float64; make others with dtype=x.dtype and device=x.device"),
        mode or nullcontext(),
    ):
        found = getattr(problem, name)(*arguments)
    # A change that leaves the numbers as they are is one, too: torch does not differentiate through it.
    if any(a._version != version or not torch.equal(a, b) for a, (b, version) in zip(arguments, kept, strict=True)):
        raise fault(problem, name, "changes its arguments in place; write `u = u + 1` in place of `u += 1`")
    return found


def _tensor(problem: Any, name: str, arguments: tuple[Tensor, ...], shape: tuple[int, ...], written: str) -> Tensor:
    """What a method gives, checked for type, shape, digits and device."""
    mode = _SinglePrecision()
    found = call(problem, name, *arguments, mode=mode)
    if not isinstance(found, Tensor):
        raise fault(problem, name, f"gives {type(found).__name__}; must give a tensor {written}")
    if tuple(found.shape) != shape:
        given = ", ".join(f"{letter} {tuple(a.shape)}" for letter, a in zip(("x", "u", "du"), arguments, strict=False))
        hint = "; keep the axis of points with x[..., :1]" if name in FIELDS and found.ndim < len(shape) else ""
        hint = "; sum over components and variables alone, not over points, as in .sum((-2, -1))" if name == "density" else hint
        raise fault(problem, name, f"gives shape {tuple(found.shape)} for {given}; must be {written}, here {shape}{hint}")
    if mode.found or found.dtype != torch.float64:
        low = mode.found or str(found.dtype).removeprefix("torch.")
        raise fault(
            problem, name, f"computes in {low}; must compute in float64: leave out .float(), and give new tensors dtype=x.dtype"
        )
    if found.device != arguments[0].device:
        raise fault(problem, name, f"gives a tensor on {found.device} for points on {arguments[0].device}; use device=x.device")
    return found


def field(problem: Any, name: str, x: Tensor) -> Tensor:
    columns = _columns(problem, name)
    return _tensor(problem, name, (x,), (len(x), columns), "(n, 1)" if name == "distance" else "(n, c)")


def density(problem: Any, x: Tensor, u: Tensor, du: Tensor) -> Tensor:
    return _tensor(problem, "density", (x, u, du), tuple(u.shape[:-1]), "(..., n)")


def along(problem: Any, x: Tensor) -> tuple[Tensor, Tensor]:
    """The exact solution (n, c) and its gradient (n, c, d) as data."""
    found = jet(problem, "exact", x)
    return found.value, found.gradient


def jet(problem: Any, name: str, points: Tensor) -> Jet:
    """The jet of a field of a problem at points (n, d).

    Raises:
        ProblemError: torch cannot differentiate it twice.
    """
    found = field(problem, name, points)
    fresh = points.detach().clone().requires_grad_()
    with naming(problem, name, DIFFERENTIABLE):
        differentiable = getattr(problem, name)(fresh).requires_grad
    if not differentiable and (found - found[:1]).abs().max() > 0.0:
        raise fault(problem, name, f"depends on x, but torch cannot differentiate it; {DIFFERENTIABLE}")
    with naming(problem, name, DIFFERENTIABLE):
        return function_jet(getattr(problem, name), points)


DIFFERENTIABLE = "write it with torch alone (torch.sin, torch.exp, ...), without numpy, .detach(), .item() or torch.tensor(...)"

OPERATIONS = (
    "an operation in it has wrong derivatives (as torch.linalg.det has) or does with symbols what it does not with tensors: write it out in arithmetic and "
    "functions of pinnscape.problems.functions, and index x, u and du from the end"
)


def at(points: Tensor) -> str:
    """Where something is, for messages."""
    return f" at x = ({', '.join(f'{value:.4g}' for value in points[0].tolist())})" if len(points) else ""
