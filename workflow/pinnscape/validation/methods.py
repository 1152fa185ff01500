"""Each method of a problem on its own: a smooth function of a point by itself, whose derivatives by torch are right, with the boundary values it must have."""

from typing import Any

import torch
from torch import Tensor

from pinnscape.losses.differences import TOLERANCE, deviation
from pinnscape.problems import contract
from pinnscape.validation import samples

_EQUAL = 1e-10  # what a value may change by when others are computed beside it: last digits alone
SMALL = 1e-8  # relative: boundary values agree to this


def pointwise(problem: Any, device: torch.device | str = "cpu") -> None:
    """Check that every value depends on its own point alone, whatever is computed with it, and is the same each time.

    Raises:
        ProblemError: the first fault.
    """
    fields, n = samples.BATCHES
    x = samples.interior(n, problem.dimension, device)
    for name in contract.FIELDS:
        _alone(
            problem, name, contract.field(problem, name, x), [contract.field(problem, name, x[i : i + 1]) for i in range(n)], 0
        )
        _same(problem, name, contract.field(problem, name, x), contract.field(problem, name, x))
    u, du = samples.states(problem, x)
    together = contract.density(problem, x, u, du)
    _same(problem, "density", together, contract.density(problem, x, u, du))
    _alone(problem, "density", together, [contract.density(problem, x, u[k], du[k])[None] for k in range(fields)], 0)
    single = [contract.density(problem, x[i : i + 1], u[:, i : i + 1], du[:, i : i + 1]) for i in range(n)]
    _alone(problem, "density", together, single, 1)
    samples.exists(problem, x[:1], u[:, :1], du[:, :1])


def _alone(problem: Any, name: str, together: Tensor, single: list[Tensor], axis: int) -> None:
    apart = torch.cat(single, axis)
    gap = float((together - apart).abs().max())
    if not gap <= _EQUAL * float(apart.abs().max()):
        others = "fields" if name == "density" and axis == 0 else "points"
        raise contract.fault(
            problem, name,
            f"a value changes by {gap:.1e} with the other {others} that are computed with it; each must depend on its own x, u and du alone: "
            "index from the end (u[..., 0]), and take no sum, mean, maximum or random number over points",
        )  # fmt: skip


def _same(problem: Any, name: str, one: Tensor, other: Tensor) -> None:
    gap = float((one - other).abs().max())
    if not gap <= _EQUAL * float(one.abs().max()):
        raise contract.fault(
            problem, name, f"gives other numbers when called again (by {gap:.1e}); it must not be random or keep a state"
        )


def differentiability(problem: Any, device: torch.device | str = "cpu") -> dict[str, float]:
    """Check torch's derivatives of every method against central differences.

    Returns:
        The deviation of each derivative, relative to its largest entry.

    Raises:
        ProblemError: a derivative is wrong.
    """
    x = samples.interior(samples.BATCHES[1], problem.dimension, device)
    found: dict[str, float] = {}
    for name in contract.FIELDS:
        found |= _derivatives(problem, name, x)
    _determined(problem, samples.interior(200, problem.dimension, device))
    return found | {"density_slope": _energy_slope(problem, x)}


def _determined(problem: Any, x: Tensor) -> None:
    """The energy depends on the field at every point."""
    u, du = samples.states(problem, x, 3)
    values = contract.density(problem, x, u, du)
    free = (values == values[:1]).all(0)
    for k, component in enumerate(problem.components if len(problem.components) > 1 else ()):
        alone_u, alone_du = u[:1].expand_as(u).clone(), du[:1].expand_as(du).clone()
        alone_u[..., k], alone_du[..., k, :] = u[..., k], du[..., k, :]
        values = contract.density(problem, x, alone_u, alone_du)
        unbound = (values == values[:1]).all(0)
        if unbound.any():
            raise contract.fault(
                problem, "density",
                f"does not depend on the component {component} or its gradient{contract.at(x[unbound])}, so that nothing determines it there; leave it out "
                "of `components`, or add its terms",
            )  # fmt: skip
    if free.any():
        raise contract.fault(
            problem, "density",
            f"depends neither on u nor on du{contract.at(x[free])}, so that nothing determines u there; it must be the energy density on the whole unit cube: other "
            "domains cannot be had by a mask",
        )  # fmt: skip


def _zeros(problem: Any, x: Tensor, small: float) -> Tensor:
    """Points (k, d) inside at which the distance vanishes: of the sample, or of the segments between two points of it with different signs."""
    values = contract.field(problem, "distance", x)[:, 0]
    found = values.abs() <= small
    if found.any() or values.min() * values.max() > 0.0:
        return x[found]
    low, high = x[values.argmin()][None], x[values.argmax()][None]  # the cube is convex
    for _ in range(60):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if contract.field(problem, "distance", middle)[0, 0] < 0.0 else (low, middle)
    return low


def _derivatives(problem: Any, name: str, x: Tensor) -> dict[str, float]:
    here = contract.jet(problem, name, x)
    direction = torch.linspace(1.0, 0.6, problem.dimension, dtype=x.dtype, device=x.device)
    size = float(here.value.abs().max())
    found = {}
    for order, claimed, curve in (
        ("first", here.gradient @ direction, lambda t: getattr(problem, name)(x + t * direction)),
        ("second", here.hessian @ direction, lambda t: contract.jet(problem, name, x + t * direction).gradient),
    ):
        off = deviation(curve, claimed, 1e-6 * size)
        if not off <= TOLERANCE:
            raise contract.fault(
                problem, name,
                f"its {order} derivatives by torch are off by {off:.1e} (relative to central differences); it must be smooth; {contract.DIFFERENTIABLE}",
            )  # fmt: skip
        found[f"{name}_{order}"] = off
    return found


def _energy_slope(problem: Any, x: Tensor) -> float:
    u, du = (t[0] for t in samples.states(problem, x, 1))
    along_u, along_du = (
        t[0] - s for t, s in zip(samples.states(problem, x, 1, seed=3), contract.along(problem, x), strict=True)
    )
    slopes = samples.energy_slopes(problem, x, u, du)
    claimed = (slopes[0] * along_u).sum(-1) + (slopes[1] * along_du).sum((-2, -1))
    off = deviation(lambda t: problem.density(x, u + t * along_u, du + t * along_du), claimed)
    if not off <= TOLERANCE:
        raise contract.fault(
            problem, "density",
            f"its first derivatives by torch are off by {off:.1e} (relative to central differences); it must be smooth, written with arithmetic "
            "and functions of pinnscape.problems.functions, without numpy or .detach()",
        )  # fmt: skip
    return off


def conditions(problem: Any, device: torch.device | str = "cpu") -> dict[str, float]:
    """Check boundary values: the exact solution has those of the lift, the distance vanishes there and nowhere else.

    Returns:
        The largest difference of exact and lift on the boundary, and the largest distance there, relative to their sizes inside.

    Raises:
        ProblemError: they do not fit.
    """
    edge, inside = samples.boundary(24, problem.dimension, device), samples.interior(200, problem.dimension, device)
    values = {name: (contract.field(problem, name, edge), contract.field(problem, name, inside)) for name in contract.FIELDS}
    for name, (there, here) in values.items():
        for points, found in ((edge, there), (inside, here)):
            bad = ~found.isfinite().all(-1)
            if bad.any():
                raise contract.fault(problem, name, f"is not finite{contract.at(points[bad])}")
    exact, lift, distance = (values[name] for name in contract.FIELDS)
    largest = float(distance[1].abs().max())
    zero = _zeros(problem, inside, SMALL * largest)
    if len(zero):
        raise contract.fault(
            problem,
            "distance",
            f"vanishes inside{contract.at(zero)}; it must do so on the boundary alone: the network is multiplied by it",
        )
    far = distance[0].abs()[:, 0]
    if far.max() > SMALL * largest:
        raise contract.fault(
            problem, "distance",
            f"is {float(far.max()):.3g}{contract.at(edge[far.argmax()][None])}, on the boundary; it must vanish there: u = lift on the whole boundary",
        )  # fmt: skip
    gap = (exact[0] - lift[0]).abs().amax(-1)
    size = max(float(t.abs().max()) for t in (*exact, *lift))
    if gap.max() > SMALL * size:
        raise contract.fault(
            problem, "exact",
            f"differs from the lift by {float(gap.max()):.3g}{contract.at(edge[gap.argmax()][None])}, on the boundary; override `lift` with the boundary values",
        )  # fmt: skip
    return {
        "exact_boundary": float(gap.max()) / size if size else 0.0,
        "distance_boundary": float(far.max()) / largest,
    }
