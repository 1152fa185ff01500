"""A problem on trial before anything trains: is it a boundary or initial value problem with this solution, and are its derivatives right?

A network that 'converges' to the wrong thing because the file of a problem is wrong must be impossible. Every check compares two ways to one number:
derivatives with central differences, symbols with tensors, an exact solution with the equation and its conditions, and the field that a network makes with
the conditions that it is to satisfy by construction.
"""

from dataclasses import dataclass

import xarray as xr

from pinnscape.files.description import File, Variable
from pinnscape.losses.differences import TOLERANCE
from pinnscape.losses.discretization import Discretization
from pinnscape.problems.problem import Problem
from pinnscape.problems.statement import Settings
from pinnscape.validation import form, load, losses, methods, solution, weak


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

    def __add__(self, other: "Report") -> "Report":
        return Report(self.findings + other.findings, self.warnings + other.warnings)


def validate(problem: Problem, settings: Settings | None = None) -> Report:
    """Check a problem.

    Args:
        problem: any object of a subclass of ``Problem``.
        settings: of its conditions, as the configuration has them.

    Returns:
        What was found, all of it within its tolerance.

    Raises:
        ProblemError: the first fault, in one line that names file, class, method and remedy.
    """
    form.check(problem)
    methods.pointwise(problem)
    found = [Finding(name, off, TOLERANCE) for name, off in methods.differentiability(problem).items()]
    found += [Finding(name, off, methods.SAME) for name, off in methods.symbolic(problem)]
    warnings = [*load.check(problem)]
    for values in (
        solution.equation(problem),
        solution.both_forms(problem),
        solution.conditions(problem),
        solution.by_construction(problem, settings),
    ):
        found += [Finding(name, off, solution.SMALL) for name, off in values.items()]
    integrals = weak.check(problem)
    found += [Finding(name, off, weak.REFUSED) for name, off in integrals.items()]
    warnings += [*solution.scale(problem, settings), *weak.warnings(integrals), *weak.definiteness(problem)]
    return Report(tuple(found), tuple(warnings))


def validate_losses(discretization: Discretization) -> Report:
    """Check the derivatives of all losses, on the device and by the route (native code or torch) that ``discretization`` takes.

    Raises:
        ProblemError: one of them is wrong; one line.
    """
    derivatives, warnings = losses.check(discretization)
    return Report(tuple(Finding(name, off, TOLERANCE) for name, off in derivatives.items()), tuple(warnings))


CHECK = File(
    "check.nc",
    {
        "deviation": Variable("check", "relative deviation that was found"),
        "tolerance": Variable("check", "relative deviation beyond which the problem is refused"),
    },
    {"check": Variable("check", "what was checked, see below")},
    """\
What `check_problem` found before anything trained; a problem that does not pass has no such file, and no other one.

| check | compares |
|---|---|
| `{method}_slope`, `{method}_first`, `{method}_second` | torch's derivatives of the methods of the problem with central differences |
| `{method}_symbolic` | values of a method by symbols with its values by tensors |
| `equation`, `both_forms` | the exact solution with the equation, and the residual with the equation that follows from the density |
| `condition_{name}` | the exact solution with a condition |
| `hard_{name}` | the field of a random network with a condition that is met by construction |
| `{method}_smooth` | integration by parts of the methods and their gradients, which fails where there is a jump or a kink |
| `stationarity` | the first variation of the energy at the exact solution with zero |
| `{loss}_gradient`, `{loss}_hessian` | gradient and Hessian-vector products of each loss, by the route that training takes, with central differences \
at two parameter vectors |

The attribute `warnings` has what is no fault but worth knowing, such as an exact solution that is no minimum of its energy.""",
)


def dataset(report: Report) -> xr.Dataset:
    """check.nc."""
    found = report.findings
    values = {name: [getattr(f, name) for f in found] for name in ("deviation", "tolerance", "check")}
    return CHECK.dataset(values, attributes={"warnings": "; ".join(report.warnings)})
