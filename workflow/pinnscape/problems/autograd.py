"""Derivatives of functions of a point, of any order, by nested reverse-mode automatic differentiation in torch.

The derivatives are exact to rounding, but slow to compute. They are used for exact solutions and lifts, which are differentiated
once. Losses use faster methods.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from pinnscape.problems.field import Field, Order, Point

if TYPE_CHECKING:
    from pinnscape.problems.domains.domain import Domain


def point(domain: "Domain", points: Tensor) -> Point:
    """Points (n, d) as a ``Point``, whose coordinates (n,) have the names of the variables of the domain."""
    return Point(domain.names, points.unbind(-1))


def columns(values: Any, like: Tensor) -> list[Tensor]:
    """Convert the value of a function of points to a list of tensors with the shape of ``like``, one for each component.

    Args:
        values: a number, tensor or field, or several of these in a tuple or list; values with fewer axes than ``like`` are
            broadcast.
        like: tensor that sets the shape, dtype and device.
    """
    given = values if isinstance(values, (tuple, list)) or (isinstance(values, Field) and len(values) > 1) else [values]
    return [_column(value, like) for value in given]


def _column(value: Any, like: Tensor) -> Tensor:
    value = value.value if isinstance(value, Field) else value
    if isinstance(value, Tensor):
        return value.expand_as(like) if value.ndim < like.ndim else value
    return torch.full_like(like, float(value))


def differentiable(
    function: Callable[[Point], Any], domain: "Domain", points: Tensor, components: Sequence[str] = ("u",)
) -> tuple[Point, Field]:
    """Evaluate a function of a point as a field, whose derivatives are computed when they are accessed.

    Args:
        function: maps a point to a value, or to a tuple with one value for each component.
        domain: domain that names the variables.
        points: (n, d).
        components: names of the components.

    Returns:
        The points and the field. Its derivatives (n,) are differentiable themselves.

    Raises:
        ValueError: the number of values differs from the number of components.
    """
    coordinates = [column.detach().clone().requires_grad_() for column in points.unbind(-1)]
    p = Point(domain.names, coordinates)
    with torch.enable_grad():
        values = columns(function(p), coordinates[0])
    if len(values) != len(components):
        raise ValueError(f"gives {len(values)} values for the components {', '.join(components)}")
    known: dict[tuple[int, Order], Tensor] = {(k, (0,) * len(coordinates)): value for k, value in enumerate(values)}

    def derivative(component: int, order: Order) -> Tensor:
        if (component, order) not in known:
            variable = max(i for i, count in enumerate(order) if count)
            lower = derivative(component, tuple(count - (i == variable) for i, count in enumerate(order)))
            known[component, order] = _slope(lower, coordinates[variable])
        return known[component, order]

    return p, Field(domain.names, derivative, components, domain.time)


def _slope(values: Tensor, coordinate: Tensor) -> Tensor:
    if not values.requires_grad:
        return torch.zeros_like(values)
    with torch.enable_grad():
        return torch.autograd.grad(values.sum(), coordinate, create_graph=True, materialize_grads=True)[0]
