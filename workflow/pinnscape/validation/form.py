"""Checks that a problem is complete and that its methods return values of the correct type and shape, without derivatives."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from pinnscape.problems import autograd
from pinnscape.problems import statement as stated
from pinnscape.problems.faults import fault, naming
from pinnscape.problems.field import Field
from pinnscape.problems.problem import Problem
from pinnscape.validation import samples
from pinnscape.validation.presence import presence

OF_POINTS = ("exact", "lift", "load")
OF_FIELDS = ("density", "residual")
DIFFERENTIABLE = (
    "write it with functions of pinnscape.problems.functions or torch, without numpy, .detach(), .item() or torch.tensor(...)"
)


def check(problem: Problem) -> None:
    """Check attributes, conditions and methods. The methods must return one float64 value for each point.

    Raises:
        ProblemError: the first error that is found.
    """
    presence(problem)
    stated.conditions(problem)
    points = samples.interior(problem)
    p, like = autograd.point(problem.domain, points), points[:, 0]
    leaves = autograd.point(problem.domain, points.clone().requires_grad_())
    for method in OF_POINTS:
        if problem.has(method):
            found = called(problem, method, leaves)
            kind(problem, method, found, like, len(problem.components))
    fields = samples.states(problem, points)
    for method in OF_FIELDS:
        if problem.has(method):
            found = called(problem, method, p, fields)
            found = list(found.values()) if isinstance(found, dict) else found
            kind(problem, method, found, fields.derivative(0, (0,) * len(p)), 1 if method == "density" else None)


class _SinglePrecision(TorchFunctionMode):
    """Detects the first operation that converts a float64 tensor to lower precision.

    Constants of lower precision are harmless, because torch promotes them.

    Attributes:
        found: data type and name of the operation; empty if there was none.
    """

    found = ""

    def __torch_function__(self, func: Callable, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        result = func(*args, **(kwargs or {}))
        reduced = isinstance(result, Tensor) and result.is_floating_point() and result.dtype != torch.float64
        if reduced and not self.found and any(isinstance(a, Tensor) and a.ndim and a.dtype == torch.float64 for a in args):
            self.found = f"{str(result.dtype).removeprefix('torch.')} ({getattr(func, '__name__', func)})"
        return result


def called(problem: Problem, method: str, *arguments: Any) -> Any:
    """Call a method of a problem, and check that it computes in float64 and does not change its arguments.

    Raises:
        ProblemError: it computes in lower precision, changes its arguments, or raises an error.
    """
    fields = [a for a in arguments if isinstance(a, Field)]
    mode = _SinglePrecision()
    kept: list[tuple[Tensor, Tensor, int]] = []

    def watched(field: Field) -> Field:
        def derivative(component: int, order: tuple[int, ...]) -> Tensor:
            value = field.derivative(component, order)
            kept.append((value, value.clone(), value._version))
            return value

        return Field(field.variables, derivative, field.components, field.time)

    with naming(problem, method, DIFFERENTIABLE), mode:
        found = getattr(problem, method)(*(watched(a) if a in fields else a for a in arguments))
    if any(value._version != version or not torch.equal(value, copy) for value, copy, version in kept):
        raise fault(problem, method, "changes its arguments in place; write `v = v + 1` in place of `v += 1`")
    if mode.found:
        raise fault(
            problem,
            method,
            f"computes in {mode.found}; must compute in float64: leave out .float(), and give new tensors dtype=p.x.dtype",
        )
    return found


def kind(problem: Problem, method: str, found: Any, like: Tensor, count: int | None) -> None:
    """Check the type, shape and number of the values that a method returns.

    Args:
        problem: the problem.
        method: name of the method.
        found: returned value, or tuple or list of values.
        like: tensor with the expected shape.
        count: expected number of values; None for any number.

    Raises:
        ProblemError: a value is not a number or float64 tensor of this shape, a function of points is not finite, or the number
            of values is wrong.
    """
    values = list(found) if isinstance(found, (tuple, list)) else [found]
    if count is not None and len(values) != count:
        each = "" if method == "density" else f", one for each of {', '.join(problem.components)}"
        raise fault(problem, method, f"gives {len(values)} values; must give {count}{each}")
    for value in values:
        if isinstance(value, Field):
            value = value.value
        if isinstance(value, bool) or not isinstance(value, (int, float, Tensor)):
            raise fault(
                problem, method, f"gives {type(value).__name__}; must give numbers or tensors, computed from p{_and_u(method)}"
            )
        if isinstance(value, Tensor) and value.ndim and value.shape not in (like.shape, like.shape[-1:]):
            hint = (
                "take no sum or mean over points"
                if value.ndim < like.ndim
                else "p.x and u are one value for each point, without an axis of their own"
            )
            raise fault(problem, method, f"gives shape {tuple(value.shape)} where there are points {tuple(like.shape)}; {hint}")
        if isinstance(value, Tensor) and value.ndim == 0:
            raise fault(problem, method, "gives one number for all points together; take no sum or mean over points")
        if isinstance(value, Tensor) and value.dtype != torch.float64:
            raise fault(problem, method, f"gives {value.dtype}; must compute in float64")
        if method in OF_POINTS and not torch.as_tensor(value).isfinite().all():
            raise fault(problem, method, "is not finite inside the domain")


def _and_u(method: str) -> str:
    return " and u" if method in OF_FIELDS else ""
