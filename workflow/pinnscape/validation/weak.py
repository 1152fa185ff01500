"""Integrals that vanish for a smooth problem with its exact solution: integration by parts, and the first variation of the energy.

Pointwise checks cannot see a jump or a kink: both ways to a number miss it alike. Integrals do.
"""

import itertools
import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

from pinnscape.losses.objective import Discretization, tensor
from pinnscape.networks.jets import Jet, function_jet
from pinnscape.problems import contract, quadrature
from pinnscape.problems.contract import fault
from pinnscape.validation import samples

_REFUSED = 1e-3  # relative: beyond, unless it shrinks with finer rules, an integral does not vanish
REFUSED = {"stationarity": _REFUSED, "density_smooth": math.inf} | {f"{name}_smooth": _REFUSED for name in contract.FIELDS}
_NOTICED = 1e-6  # beyond, there is a warning
_VANISHED = 1e-8
# Points an axis of Gauss-Legendre rules, by dimension; the next one is taken where the one before does not suffice. Odd and even ones, because a jump in
# the middle may escape either.
_POINTS = {1: (64, 255, 1024), 2: (24, 49, 96), 3: (12, 25)}
_NEGATIVE = 1e-6  # relative to the largest: a second derivative of the energy below minus this is negative

Terms = Callable[[Tensor], Tensor]  # points (n, d) -> (k, t, n): k integrals that must vanish, of t terms each


def check(d: Discretization) -> dict[str, float]:
    """How far each kind of integral does not vanish, relative to that of the moduli of its terms.

    Raises:
        ProblemError: one does not vanish at all.
    """
    found = {f"{name}_smooth": _smooth(d.problem, name, d.device) for name in contract.FIELDS}
    return found | {"density_smooth": _jumps(d), "stationarity": _stationarity(d)}


def warnings(deviations: Mapping[str, float], dimension: int) -> Iterator[str]:
    """One for each integral that is not small although it was not refused."""
    for name, off in deviations.items():
        if name in REFUSED and off > _NOTICED:
            what = "energy" if name == "stationarity" else name.removesuffix("_smooth")
            jump = "it has a jump" if name == "density_smooth" and off > _REFUSED else "it is hard to integrate"
            yield f"{what}: {jump} (an integral that must vanish is off by {off:.1e} with {_POINTS[dimension][-1]} points an axis)"


def _vanishing(terms: Terms, dimension: int, device: torch.device) -> tuple[float, bool]:
    """The largest integral by the finest rule that was needed, relative to its terms, and whether finer rules bring it closer to zero.

    It is infinite where a term is not a number.
    """
    sizes: list[float] = []
    for count in _POINTS[dimension]:
        rule = quadrature.rule("gauss-legendre", count, dimension)
        values, weights = terms(tensor(rule.points, device)), tensor(rule.weights, device)
        if not values.isfinite().all():
            return math.inf, False
        total, modulus = values.sum(1) @ weights, values.abs().sum(1) @ weights
        size = float(modulus.max())
        exists = modulus > 1e-9 * size
        sizes.append(float((total[exists].abs() / modulus[exists]).max()) if size > 0.0 else 0.0)
        if sizes[-1] <= _VANISHED:
            break
    return sizes[-1], len(sizes) > 1 and sizes[-1] <= 0.5 * sizes[-2]


def _bumps(x: Tensor) -> Tensor:
    """Smooth functions (n, 3) that share no symmetry."""
    first, last = x[..., 0], x[..., -1]
    return torch.stack([torch.ones_like(first), torch.cos(2.0 * first + last), first * first - 0.4 * last], -1)


def _tests(points: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """Value (n,) and gradient (n, d) of smooth functions that vanish on the boundary."""
    jet = function_jet(lambda x: (x * (1.0 - x)).prod(-1, keepdim=True) * _bumps(x), points)
    return zip(jet.value.unbind(-1), jet.gradient.unbind(-2), strict=True)


def _by_parts(value: Tensor, gradient: Tensor, points: Tensor) -> list[Tensor]:
    """∫ f ∂v + v ∂f for a scalar field f, all test functions v and all directions: terms (2, n) each."""
    return [torch.stack([value * dv[:, i], gradient[:, i] * v]) for v, dv in _tests(points) for i in range(points.shape[-1])]


def _smooth(problem: Any, name: str, device: torch.device) -> float:
    """Integration by parts holds for a field and for its gradient, so that neither has jumps.

    Raises:
        ProblemError: it does not.
    """

    def terms(points: Tensor) -> Tensor:
        field = function_jet(getattr(problem, name), points)
        pairs = []
        for f in range(field.value.shape[-1]):
            pairs += _by_parts(field.value[:, f], field.gradient[:, f], points)
            for v, dv in _tests(points):
                pairs.append(torch.stack([(field.gradient[:, f] * dv).sum(-1), field.laplacian[:, f] * v]))
        return torch.stack(pairs)

    off, shrinks = _vanishing(terms, problem.dimension, device)
    if not off <= _REFUSED and not shrinks:
        raise fault(
            problem, name,
            f"it has a jump, a kink or a singularity (integration by parts fails by {off:.1e}); it must be smooth on the whole unit cube, without torch.where, abs, masks of "
            "subdomains: other domains cannot be had this way",
        )  # fmt: skip
    return off


def _jumps(d: Discretization) -> float:
    """How far integration by parts in x fails for the density of a constant field with a constant gradient."""
    problem, c = d.problem, len(d.problem.components)
    middle = torch.full((1, problem.dimension), 0.47, dtype=torch.float64, device=d.device)
    u, du = (t[0, 0] for t in samples.states(problem, middle, 1, seed=9))

    def density(x: Tensor) -> Tensor:
        return problem.density(x, u.expand(len(x), c), du.expand(len(x), *du.shape)).unsqueeze(-1)

    def terms(points: Tensor) -> Tensor:
        field = function_jet(density, points)
        return torch.stack(_by_parts(field.value[:, 0], field.gradient[:, 0], points))

    return _vanishing(terms, problem.dimension, d.device)[0]


def _variations(d: Discretization, points: Tensor) -> list[Jet]:
    """Fields (n, c) that vanish on the boundary, by which solutions may differ: three in each component."""
    jet = function_jet(lambda x: d.problem.distance(x) * _bumps(x), points)
    units = torch.eye(len(d.problem.components), dtype=points.dtype, device=points.device)
    return [
        Jet(v[:, None] * unit, dv[:, None, :] * unit[:, None])
        for unit, (v, dv) in itertools.product(units, zip(jet.value.unbind(-1), jet.gradient.unbind(-2), strict=True))
    ]


def _stationarity(d: Discretization) -> float:
    """The energy does not change to first order from the exact solution to its neighbours with the same boundary values.

    Raises:
        ProblemError: it does.
    """
    problem = d.problem

    def terms(points: Tensor) -> Tensor:
        exact = function_jet(problem.exact, points)
        force, flux = samples.energy_slopes(problem, points, exact.value, exact.gradient)
        load = d.operator(points, exact)
        return torch.stack([
            torch.stack([(force * v.value).sum(-1), (flux * v.gradient).sum((-2, -1)), -(load * v.value).sum(-1)])
            for v in _variations(d, points)
        ])  # fmt: skip

    off, shrinks = _vanishing(terms, problem.dimension, d.device)
    if not off <= _REFUSED and not shrinks:
        raise fault(
            problem, "density",
            f"its energy is not stationary at exact (the slope there is {off:.1e}, relative to its terms): the flux of the exact solution has a jump; it must be "
            "smooth in x, without torch.where and masks of subdomains: other domains than the unit cube cannot be had this way",
        )  # fmt: skip
    return off


def definiteness(d: Discretization) -> Iterator[str]:
    """A warning where the exact solution is a saddle of the energy, so that minimising leads away from it."""
    problem = d.problem
    rule = quadrature.rule("gauss-legendre", _POINTS[problem.dimension][0], problem.dimension)
    points, weights = tensor(rule.points, d.device), tensor(rule.weights, d.device)
    exact, fields = function_jet(problem.exact, points), _variations(d, points)
    values, slopes = torch.stack([v.value for v in fields]), torch.stack([v.gradient for v in fields])
    sizes = (slopes.square().sum((-2, -1)) @ weights).sqrt()

    def energy(a: Tensor) -> Tensor:
        a = a / sizes
        return (
            problem.density(points, exact.value + torch.tensordot(a, values, 1), exact.gradient + torch.tensordot(a, slopes, 1))
            @ weights
        )

    matrix = torch.autograd.functional.hessian(energy, torch.zeros(len(fields), dtype=points.dtype, device=d.device))
    if not matrix.isfinite().all():
        return
    bends = torch.linalg.eigvalsh(0.5 * (matrix + matrix.T))
    if bends[0] < -_NEGATIVE * bends.abs().max():
        yield (
            f"the exact solution is no minimum of the energy (its second derivative along a smooth field is {float(bends[0]):.2e}, the largest is "
            f"{float(bends[-1]):.2e}): a Deep Ritz training leaves it, maybe without bound; leave deep-ritz out of study.formulations"
        )
