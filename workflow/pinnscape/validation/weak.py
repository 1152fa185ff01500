"""Detection of jumps and kinks, which derivatives at single points do not reveal, by integrals that must vanish.

If f is smooth and v is a test function that vanishes on the boundary, then ∫ f ∂v + v ∂f = 0. The quadrature rule is refined
until the integral is small or the finest rule is reached. The integral must be small, or decrease under refinement.
"""

import itertools
import math
from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from pinnscape.problems import autograd
from pinnscape.problems.euler_lagrange import operator
from pinnscape.problems.faults import fault
from pinnscape.problems.field import Field, Order, Point, units
from pinnscape.problems.functions import cos
from pinnscape.problems.points import Rule, place
from pinnscape.problems.problem import Problem

# Limits of integrals, relative to those of the absolute values of their terms. An integral above the first limit counts as
# nonzero, unless it decreases under refinement; below the second limit there is no refinement; above the third is a warning.
REFUSED = 1e-3
_VANISHED = 1e-8
_NOTICED = 1e-6
_NEGATIVE = 1e-6  # a second derivative of the energy is negative if it is below minus this share of the largest one
# Points along each axis of each patch, by dimension, for successive rules. Some are odd and some even, because rules of one kind
# may miss a jump at the centre. In more than three dimensions this check is omitted.
_POINTS = {1: (64, 255, 1024), 2: (24, 49, 96), 3: (12, 25)}

# Maps points (n, d) to the integrands (k, t, n) of k integrals that must vanish, each a sum of t terms.
Terms = Callable[[Tensor], Tensor]


def check(problem: Problem) -> dict[str, float]:
    """Check that exact solution and lift are smooth, and that the exact solution is a stationary point of the energy.

    Returns:
        The integrals that must vanish, by name of the check, relative to the integrals of the absolute values of their terms.

    Raises:
        ProblemError: an integral does not vanish.
    """
    if problem.domain.dimension not in _POINTS:
        return {}
    found = {f"{method}_smooth": _smooth(problem, method) for method in ("exact", "lift") if problem.has(method)}
    if problem.has("density") and problem.has("exact"):
        found["stationarity"] = _stationary(problem)
    return found


def warnings(found: dict[str, float]) -> Iterator[str]:
    """A warning for each integral that is accepted although it is not small.

    Args:
        found: the result of ``check``.
    """
    for name, off in found.items():
        if off > _NOTICED:
            what = "the energy" if name == "stationarity" else name.removesuffix("_smooth")
            yield f"{what} is hard to integrate (an integral that must vanish is off by {off:.1e})"


def _vanishing(problem: Problem, terms: Terms) -> tuple[float, bool]:
    """The largest of several integrals, relative to its terms, and whether refinement at least halves it."""
    domain, sizes = problem.domain, list[float]()
    for count in _POINTS[domain.dimension]:
        found = place(domain, rule=Rule("duffy" if domain.singular else "gauss-legendre", count))
        values, weights = terms(torch.tensor(found.points[0])), torch.tensor(found.weights)
        if not values.isfinite().all():
            return math.inf, False
        total, modulus = values.sum(1) @ weights, values.abs().sum(1) @ weights
        size = float(modulus.max())
        exists = modulus > 1e-9 * size
        sizes.append(float((total[exists].abs() / modulus[exists]).max()) if size > 0.0 else 0.0)
        if sizes[-1] <= _VANISHED:
            break
    return sizes[-1], len(sizes) > 1 and sizes[-1] <= 0.5 * sizes[-2]


def _tests(problem: Problem, points: Tensor, times: int) -> Field:
    """Three test functions as components of a field; they vanish on the boundary to the order ``times`` and share no symmetry."""
    domain = problem.domain
    distance = domain.distance(tuple(domain.pieces))

    def functions(p: Point) -> list[Tensor]:
        first, last = (domain.unit(name)(p) for name in (domain.names[0], domain.names[-1]))
        bumps = 1.0 + 0.0 * first, cos(2.0 * first + last), first * first - 0.4 * last
        return [distance(p) ** times * bump for bump in bumps]

    return autograd.differentiable(functions, domain, points, ("v1", "v2", "v3"))[1]


def _smooth(problem: Problem, method: str) -> float:
    """The error of integration by parts for a method and for its first derivatives.

    Raises:
        ProblemError: the error is large.
    """
    domain, first = problem.domain, units(problem.domain.dimension)

    def terms(points: Tensor) -> Tensor:
        _, f = autograd.differentiable(getattr(problem, method), domain, points, problem.components)
        tests, pairs = _tests(problem, points, 1), []
        for k, m in itertools.product(range(len(f)), range(len(tests))):
            v = tests.derivative(m, (0,) * len(first))
            pairs += [[f.derivative(k, (0,) * len(first)) * tests.derivative(m, i), f.derivative(k, i) * v] for i in first]
            pairs += [[f.derivative(k, i) * tests.derivative(m, i), f.derivative(k, _sum(i, i)) * v] for i in first]
        return torch.stack([torch.stack(pair) for pair in pairs]).detach()

    off, shrinks = _vanishing(problem, terms)
    if not off <= REFUSED and not shrinks:
        raise fault(
            problem, method,
            f"it has a jump, a kink or a singularity (integration by parts fails by {off:.1e}); it must be smooth inside the domain, without torch.where, abs "
            "or masks of subdomains",
        )  # fmt: skip
    return off


def _sum(one: Order, other: Order) -> Order:
    return tuple(a + b for a, b in zip(one, other, strict=True))


def _stationary(problem: Problem) -> float:
    """The first variation of the energy at the exact solution u for test functions v: ∫ Σ_α ∂e/∂u_α ∂^α v - EL[e](u) v.

    Raises:
        ProblemError: it does not vanish.
    """
    domain = problem.domain

    def terms(points: Tensor) -> Tensor:
        p, exact = autograd.differentiable(problem.exact, domain, points, problem.components)
        slopes = _slopes(problem, p, exact)
        tests = _tests(problem, points, max((sum(order) for _, order in slopes), default=1))
        equation, integrals = autograd.columns(operator(problem)(p, exact), points[:, 0]), []
        for k, m in itertools.product(range(len(exact)), range(len(tests))):
            work = [slope * tests.derivative(m, order) for (component, order), slope in slopes.items() if component == k]
            rest = -equation[k] * tests.derivative(m, (0,) * len(p))
            integrals.append(torch.stack([*work, *[torch.zeros_like(rest)] * (len(slopes) - len(work)), rest]))
        return torch.stack(integrals).detach()

    off, shrinks = _vanishing(problem, terms)
    if not off <= REFUSED and not shrinks:
        raise fault(
            problem, "density",
            f"its energy is not stationary at exact (the slope there is {off:.1e}, relative to its terms): the flux of the exact solution has a jump; it must "
            "be smooth in p, without torch.where and masks of subdomains",
        )  # fmt: skip
    return off


def definiteness(problem: Problem) -> Iterator[str]:
    """A warning if the exact solution is a saddle point of the energy, so that minimisation leads away from it."""
    domain = problem.domain
    if not (problem.has("density") and problem.has("exact")) or domain.dimension not in _POINTS:
        return
    found = place(domain, rule=Rule("duffy" if domain.singular else "gauss-legendre", _POINTS[domain.dimension][0]))
    points, weights = torch.tensor(found.points[0]), torch.tensor(found.weights)
    p, exact = autograd.differentiable(problem.exact, domain, points, problem.components)
    count = max((sum(order) for _, order in _slopes(problem, p, exact)), default=1)
    tests = _tests(problem, points, count)
    sizes = [float((tests.derivative(m, (0,) * len(p)).detach().square() @ weights).sqrt()) for m in range(len(tests))]

    def energy(flat: Tensor) -> Tensor:
        a = flat.reshape(len(exact), len(sizes))

        def derivative(component: int, order: Order) -> Tensor:
            parts = [a[component, m] / size * tests.derivative(m, order).detach() for m, size in enumerate(sizes)]
            return exact.derivative(component, order).detach() + torch.stack(parts).sum(0)

        return problem.density(p, Field(p.names, derivative, problem.components, domain.time)) @ weights

    with torch.enable_grad():
        matrix = torch.autograd.functional.hessian(energy, torch.zeros(len(exact) * len(sizes), dtype=points.dtype))
    assert isinstance(matrix, Tensor)
    if matrix.isfinite().all():
        bends = torch.linalg.eigvalsh(0.5 * (matrix + matrix.T))
        if bends[0] < -_NEGATIVE * bends.abs().max():
            yield (
                f"the exact solution is no minimum of the energy (its second derivative along a smooth field is {float(bends[0]):.2e}, the largest is "
                f"{float(bends[-1]):.2e}): a Deep Ritz training leaves it, maybe without bound; leave deep-ritz out of study.losses"
            )


def _slopes(problem: Problem, p: Point, u: Field) -> dict[tuple[int, Order], Tensor]:
    """∂e/∂u_α (n,) for the derivatives u_α on which the density e depends, by component and order."""
    known: dict[tuple[int, Order], Tensor] = {}

    def leaf(component: int, order: Order) -> Tensor:
        if (component, order) not in known:
            known[component, order] = u.derivative(component, order).detach().requires_grad_()
        return known[component, order]

    with torch.enable_grad():
        energy = problem.density(p, Field(u.variables, leaf, u.components, u.time))
        found = torch.autograd.grad(energy.sum(), list(known.values()), materialize_grads=True)
    return dict(zip(known, found, strict=True))
