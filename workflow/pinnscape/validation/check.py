"""A problem on trial before anything trains: is it a boundary value problem with this exact solution, and are the derivatives of its losses right?

A network that 'converges' to the wrong thing because the file of a problem is wrong must be impossible. Every check compares two ways to one number:
derivatives with central differences, an exact solution with its boundary values, the energy with the equation that follows from it.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
import xarray as xr
from torch import Tensor

from pinnscape.common.errors import PinnscapeError, ProblemError
from pinnscape.files.description import File, Variable
from pinnscape.losses.differences import TOLERANCE, deviation
from pinnscape.losses.objective import Discretization
from pinnscape.networks.jets import Jet
from pinnscape.problems import contract
from pinnscape.problems.base import Problem
from pinnscape.problems.catalog import CATALOG, problem
from pinnscape.problems.contract import at, fault
from pinnscape.validation import load, losses, methods, samples, weak


@dataclass(frozen=True)
class Finding:
    """One check: its name, what was found, and what would have been refused."""

    check: str
    deviation: float
    tolerance: float


@dataclass(frozen=True)
class Report:
    """What was checked, and what a user should know although it is no fault."""

    findings: tuple[Finding, ...]
    warnings: tuple[str, ...]


def construct(name: str, parameters: Mapping[str, float]) -> Problem:
    """The problem of this name in the catalogue.

    Raises:
        ProblemError: its module or class cannot be had, does not take the parameters, or has other sizes than its text says.
    """
    entry = CATALOG[name]
    where = f"workflow/pinnscape/problems/{entry.module}.py: {entry.cls}"
    try:
        found = problem(name, parameters)
    except PinnscapeError:
        raise
    except Exception as error:
        given = f" with {', '.join(f'{key}={value:g}' for key, value in parameters.items())}" if parameters else ""
        said = str(error).strip().splitlines()
        raise ProblemError(
            f"{where}: cannot be made{given} ({type(error).__name__}: {said[0] if said else 'no message'}); mend it"
        ) from error
    contract.presence(found)
    sizes, listed = (found.dimension, len(found.components)), (entry.dimension, entry.components)
    if sizes != listed:
        raise ProblemError(
            f"{where}: has dimension and number of components {sizes}, but its class states {listed}; make them agree"
        )
    return found


def validate(discretization: Discretization) -> Report:
    """Check a problem and its losses, on the device and by the route (machine code or torch) that ``discretization`` takes.

    Returns:
        What was found, all of it within its tolerance.

    Raises:
        ProblemError: the first fault, in one line that names file, class, method and remedy.
    """
    problem, device = discretization.problem, discretization.device
    contract.form(problem, discretization.points)
    methods.pointwise(problem, device)
    found = [Finding(name, off, TOLERANCE) for name, off in methods.differentiability(problem, device).items()]
    found += [Finding(name, off, methods.SMALL) for name, off in methods.conditions(problem, device).items()]
    _existence(discretization)
    found.append(Finding("equation", _operator(discretization), TOLERANCE))
    warnings = list(load.check(discretization))
    found += [Finding(name, off, weak.REFUSED[name]) for name, off in weak.check(discretization).items()]
    warnings += weak.warnings({f.check: f.deviation for f in found}, problem.dimension)
    warnings += weak.definiteness(discretization)
    derivatives, unchecked = losses.check(discretization)
    found += [Finding(name, off, TOLERANCE) for name, off in derivatives.items()]
    return Report(tuple(found), (*warnings, *unchecked))


CHECK = File(
    "check.nc",
    {
        "deviation": Variable("check", "relative deviation that was found"),
        "tolerance": Variable(
            "check", "relative deviation beyond which the problem is refused; infinite where there is a warning at most"
        ),
    },
    {"check": Variable("check", "what was checked, see below")},
    """\
What `check_problem` found before anything trained; a problem that does not pass has no such file, and no other one.

| check | compares |
|---|---|
| `{method}_first`, `{method}_second`, `density_slope` | torch's derivatives of `exact`, `lift`, `distance` and `density` with central differences |
| `exact_boundary`, `distance_boundary` | the exact solution with the lift, and the distance with zero, on the boundary |
| `equation` | the Euler–Lagrange operator with differences of the slopes of the density |
| `{method}_smooth` | integration by parts of the methods and their gradients in x, which fails where there is a jump or a kink; refused if it does not \
shrink with finer rules |
| `stationarity` | the first variation of the energy at the exact solution with zero; refused likewise |
| `{loss}_gradient`, `{loss}_hessian` | gradient and Hessian-vector products of each loss, by the route that training takes, with central \
differences at two parameter vectors |

The attribute `warnings` has what is no fault but worth knowing, such as an exact solution that is no minimum of its energy.""",
)


def dataset(report: Report) -> xr.Dataset:
    """check.nc."""
    found = report.findings
    values = {name: [getattr(f, name) for f in found] for name in ("deviation", "tolerance", "check")}
    return CHECK.dataset(values, attributes={"warnings": "; ".join(report.warnings)})


def _existence(d: Discretization) -> None:
    """The exact solution, its load and its energy are numbers at every quadrature point."""
    value, slope = d.exact.value, d.exact.gradient
    infeasible = d.problem.infeasible(value, slope)
    if infeasible is not None and infeasible.any():
        where = at(d.points[infeasible])
        raise fault(
            d.problem, "exact", f"the energy does not exist at it{where}; exact, density and `infeasible` do not fit together"
        )
    energy = d.problem.density(d.points, value, slope)
    for method, values, text in (
        ("exact", value, "is not finite"),
        ("exact", slope.flatten(1), "its gradient is not finite"),
        ("density", energy[:, None], "is not finite at the exact solution"),
        ("density", d.load, "its Euler-Lagrange operator at the exact solution, the load, is not finite"),
    ):
        bad = ~values.isfinite().all(-1)
        if bad.any():
            raise fault(d.problem, method, f"{text}{at(d.points[bad])}, a quadrature point; change it, or quadrature.rule")


def _operator(d: Discretization) -> float:
    """The Euler-Lagrange operator in use against differences of the first derivatives of the density, which are known to be right."""
    problem, device = d.problem, d.device
    x = samples.interior(11, problem.dimension, device)
    u, du = (t[0] for t in samples.states(problem, x, 1, seed=5))
    second = contract.jet(problem, "exact", x).hessian
    twist = torch.randn(second.shape, generator=torch.Generator().manual_seed(6), dtype=x.dtype).to(device)
    second = second + problem.scale * (twist + twist.transpose(-1, -2))
    with contract.naming(problem, "density", contract.OPERATIONS):
        claimed = d.operator(x, Jet(u, du, second.diagonal(dim1=-2, dim2=-1).sum(-1), second))
    units = torch.eye(problem.dimension, dtype=x.dtype, device=device)

    def flux(t: float) -> Tensor:
        """The sum over i of the i-th flux, moved along x_i."""
        moved = [
            samples.energy_slopes(problem, x + t * units[i], u + t * du[..., i], du + t * second[..., i, :])[1][..., i]
            for i in range(problem.dimension)
        ]
        return torch.stack(moved).sum(0)

    force = samples.energy_slopes(problem, x, u, du)[0]
    off = deviation(flux, force - claimed, float(max(force.abs().max(), claimed.abs().max())))
    if not off <= TOLERANCE:
        text = f"the Euler-Lagrange operator derived from it is off by {off:.1e} (relative to central differences)"
        raise fault(problem, "density", f"{text}; {contract.OPERATIONS}")
    return off
