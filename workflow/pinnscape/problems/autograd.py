"""Fields of functions that torch can evaluate, by nested reverse differentiation: slow, exact to rounding, of any order.

This is how exact solutions and lifts are differentiated at points, once; losses have faster ways.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from pinnscape.problems.field import Field, Order, Point

if TYPE_CHECKING:
    from pinnscape.problems.domains.domain import Domain


def point(domain: "Domain", points: Tensor) -> Point:
    """Points (n, d) by the names of their coordinates."""
    return Point(domain.names, points.unbind(-1))


def columns(values: Any, like: Tensor) -> list[Tensor]:
    """What a function of points gives, a value or a tuple of them, as tensors of the shape of ``like``; what has fewer axes is spread."""
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
    """A function of points as a field there.

    Args:
        function: gives a value, or one for each component, from a point.
        domain: its names of the variables.
        points: (n, d).
        components: names of the components.

    Returns:
        The point and the field; derivatives (n,) have a graph back to whatever the function depends on.
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
