"""The load of a problem is derived from its exact solution. A load that the density has of its own would cancel, and nothing would be solved."""

import math
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from pinnscape.losses.objective import Discretization
from pinnscape.networks.jets import Jet
from pinnscape.problems import contract
from pinnscape.problems.base import Problem
from pinnscape.problems.contract import fault
from pinnscape.validation import samples

_LEFT = 1e-6  # relative: what the exact solution may leave of a load in the density
_FAR = 1e3  # factor between scale and u - lift beyond which there is a warning
_NODES, _DEGREE = 17, 8  # of polynomials


def check(d: Discretization) -> Iterator[str]:
    """Refuse a density with a load of its own that the exact solution does not solve.

    Yields:
        A warning where relative errors are withheld.

    Raises:
        ProblemError: the load would be stated twice.
    """
    problem, load = d.problem, float(d.load.abs().max())
    yield from _scale(d)
    if d.is_zero:
        if load > 1e-9 * _typical(d):
            raise fault(
                problem, "exact",
                f"is zero, which does not solve the equation that density states: a load of {load:.3g} is left, which would be cancelled (the load is "
                "derived from exact); give the solution, or a smooth function of your choice and a density without load",
            )  # fmt: skip
        yield "the exact solution is zero: relative errors are withheld"
        return
    own = _own_load(d)
    if own > 0.0 and load > _LEFT * own:
        raise fault(
            problem, "density",
            f"has a load of its own (terms linear in u, of size {own:.3g}), and exact does not solve the equation with it: {load:.3g} is left, which would "
            "be cancelled (the load is derived from exact); leave these terms out, or give their exact solution",
        )  # fmt: skip


def _scale(d: Discretization) -> Iterator[str]:
    """A warning where ``scale`` is far from the size of u - lift."""
    x = samples.interior(200, d.problem.dimension, d.device)
    size = float((contract.field(d.problem, "exact", x) - contract.field(d.problem, "lift", x)).abs().max())
    if size > 0.0 and not 1.0 / _FAR < size / d.problem.scale < _FAR:
        yield f"scale is {d.problem.scale:g}, but exact - lift is of size {size:.1e}: the network has to make up for the difference; set `scale` to about that"


def _typical(d: Discretization) -> float:
    """The size of EL[e] for a field of the size ``scale``, with derivatives of that size, all different."""
    x = samples.interior(11, d.problem.dimension, d.device)
    here = contract.jet(d.problem, "exact", x)
    value, gradient, hessian = (
        t + d.problem.scale * torch.linspace(0.5, 1.0, t.numel(), dtype=t.dtype, device=t.device).reshape(t.shape)
        for t in (here.value, here.gradient, here.hessian)
    )
    hessian = 0.5 * (hessian + hessian.transpose(-1, -2))
    found = d.operator(x, Jet(value, gradient, hessian.diagonal(dim1=-2, dim2=-1).sum(-1), hessian)).abs()
    return float(torch.where(found.isfinite(), found, 0.0).max())


def _own_load(d: Discretization) -> float:
    """The size of g in a density that is g(x)·u and terms of other degrees in u; 0 where it has no such form.

    As a function of one component of u, a density is often a polynomial: then the linear coefficient is a load if neither ∇u nor other components change
    it. Else the terms of its expression tell: the linear part of an exponential, for one, is part of a function that is not a load.
    """
    problem, c = d.problem, len(d.problem.components)
    x = samples.interior(11, problem.dimension, d.device)
    nodes = torch.cos(math.pi * (torch.arange(_NODES, dtype=x.dtype, device=x.device) + 0.5) / _NODES)
    size = 3.0 * max(1.0, problem.scale, float(d.exact.value.abs().max()))
    du = samples.states(problem, x, 1, seed=7)[1][0]
    others = 0.3 * size * torch.linspace(0.5, 1.0, c, dtype=x.dtype, device=x.device)
    at_zero = _at_zero(d, x)
    if _is_polynomial(problem, x, size, samples.states(problem, x, 1, seed=7)):
        return at_zero
    largest = 0.0
    for unit in torch.eye(c, dtype=x.dtype, device=x.device):
        linear = []
        for rest, slope in ((0.0 * others, 0.0 * du), (others * (1.0 - unit), du)):
            u = (rest + size * nodes[:, None, None] * unit).expand(_NODES, len(x), c)
            linear.append(_linear(problem.density(x, u, slope.expand(_NODES, *slope.shape)), nodes))
        if linear[0] is None or linear[1] is None:
            own = _own_terms(d, x)
            return own if at_zero > 1e-9 * own else 0.0  # what a function such as exp(u) - u makes of u = 0 is no load
        own = float(linear[0].abs().max())
        if own > 0.0 and float((linear[0] - linear[1]).abs().max()) <= 1e-6 * own:
            largest = max(largest, own / size)
    return largest


def _at_zero(d: Discretization, x: Tensor) -> float:
    """The size of EL[e] at u = 0: the whole load of a density that is a polynomial in u and ∇u, also where it is written as a flux."""
    shape = (len(x), len(d.problem.components))
    zero, slope = x.new_zeros(shape), x.new_zeros(*shape, d.problem.dimension)
    found = d.operator(x, Jet(zero, slope, zero, x.new_zeros(*slope.shape, d.problem.dimension))).abs()
    return float(torch.where(found.isfinite(), found, 0.0).max())


def _is_polynomial(problem: Problem, x: Tensor, size: float, state: tuple[Tensor, Tensor]) -> bool:
    """Whether the density is a polynomial of u and ∇u together, as far as its values along a line through 0 tell."""
    nodes = torch.cos(math.pi * (torch.arange(_NODES, dtype=x.dtype, device=x.device) + 0.5) / _NODES)
    u, du = (nodes.reshape(-1, *[1] * (t.ndim - 1)) * (size * t.sign()) for t in state)
    return _linear(problem.density(x, u, du), nodes) is not None


def _linear(values: Tensor, nodes: Tensor) -> Tensor | None:
    """The linear coefficients (n,) of polynomials with values (nodes, n); None where these are of none of degree ``_DEGREE``."""
    if not values.isfinite().all():
        return None
    powers = torch.stack([nodes**k for k in range(_DEGREE + 1)], -1)
    solved = torch.linalg.lstsq(powers, values).solution
    size, spread = float(values.abs().max()), float((values - values.mean(0)).abs().max())
    if float((powers @ solved - values).abs().max()) > max(1e-9 * spread, 1e-14 * size):
        return None
    return torch.where(solved[1].abs() > 1e-12 * size, solved[1], 0.0)


def _own_terms(d: Discretization, x: Tensor) -> float:
    """The size of g from the terms of the density as an expression; 0 where it cannot be written as one."""
    e = d.operator.expressions
    if e is None:
        return 0.0
    import sympy  # late: takes half a second

    fields, largest = {*e.u, *e.p}, 0.0
    terms = sympy.Add.make_args(sympy.expand(e.energy))
    for u in e.u:
        slopes = [sympy.diff(term, u) for term in terms if term.has(u)]
        own = sympy.lambdify(e.x, sum(slope for slope in slopes if not slope.free_symbols & fields), "numpy")
        largest = max(largest, float(np.abs(own(*x.cpu().numpy().T)).max()))
    return largest
