"""Checks of a problem before the training: is the problem consistent, does the exact solution solve it, are derivatives correct?

Without these checks, a network could converge to the solution of another problem than the intended one. Each check computes a
quantity in two ways: derivatives automatically and by central differences, methods with symbols and with tensors. The exact
solution must satisfy the equation and the conditions, and the field of a network must satisfy the hard conditions.
"""

from dataclasses import dataclass

import xarray as xr

from pinnscape.files.description import File, Variable
from pinnscape.losses.differences import TOLERANCE
from pinnscape.losses.discretization import Discretization
from pinnscape.problems.problem import Problem
from pinnscape.problems.statement import Settings
from pinnscape.validation import counts, form, load, losses, methods, solution, weak


@dataclass(frozen=True)
class Finding:
    """The result of one check.

    Attributes:
        check: name of the check.
        deviation: the relative deviation.
        tolerance: relative deviation above which the problem is rejected.
    """

    check: str
    deviation: float
    tolerance: float


@dataclass(frozen=True)
class Report:
    """Results of checks that a problem has passed.

    Attributes:
        findings: results of the checks.
        warnings: properties of the problem that are not errors, but that the user should know.
    """

    findings: tuple[Finding, ...]
    warnings: tuple[str, ...]

    def __add__(self, other: "Report") -> "Report":
        return Report(self.findings + other.findings, self.warnings + other.warnings)


def validate(problem: Problem, settings: Settings | None = None) -> Report:
    """Check a problem.

    Args:
        problem: the problem.
        settings: settings of its conditions by name; see ``statement.conditions``.

    Returns:
        The results, all within their tolerances, and warnings.

    Raises:
        ProblemError: a check fails; the message names the file, the class, the method and the remedy in one line.
    """
    form.check(problem)
    methods.pointwise(problem)
    found = [Finding(name, off, TOLERANCE) for name, off in methods.differentiability(problem).items()]
    found += [Finding(name, off, methods.SAME) for name, off in methods.symbolic(problem)]
    warnings = [*load.check(problem), *counts.warnings(problem)]
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
    """Check the derivatives of all losses with the device and the implementation (native code or torch) of ``discretization``.

    Raises:
        ProblemError: a derivative is incorrect.
    """
    derivatives, warnings = losses.check(discretization)
    return Report(tuple(Finding(name, off, TOLERANCE) for name, off in derivatives.items()), tuple(warnings))


CHECK = File(
    "check.nc",
    {
        "deviation": Variable("check", "relative deviation"),
        "tolerance": Variable("check", "relative deviation above which the problem is rejected"),
    },
    {"check": Variable("check", "name of the check, see below")},
    """\
Results of the checks of the problem before the training. If a check fails, the file is not written and no network is trained.

| check | deviation |
|---|---|
| `{method}_slope`, `{method}_first`, `{method}_second` | derivatives of a method of the problem by torch, compared with central \
differences |
| `{method}_symbolic` | values of a method with SymPy symbols, compared with those with tensors |
| `operator` | Euler-Lagrange operator as derived by SymPy, compared with automatic differentiation |
| `equation_{term}` | residual of the equation for the exact solution |
| `both_forms` | residual of the equation that follows from the density, for the exact solution |
| `condition_{name}` | violation of a condition by the exact solution |
| `hard_{name}` | violation of a hard condition by the field of a random network |
| `{method}_smooth` | error of integration by parts for a method and its gradient, which is large if there is a jump or a kink |
| `stationarity` | first variation of the energy at the exact solution |
| `{loss}_gradient`, `{loss}_hessian` | gradient and Hessian-vector products of a loss at two parameter vectors, computed as in \
the training, compared with central differences |

The attribute `warnings` contains properties of the problem that are not errors, for example that the exact solution is not a
minimum of the energy. The attribute `values` of a torch module contains its losses at the parameters of seed 0 or of the first
trained weights, by which later jobs recognise the same losses.""",
)


def dataset(report: Report) -> xr.Dataset:
    """The dataset of check.nc."""
    found = report.findings
    values = {name: [getattr(f, name) for f in found] for name in ("deviation", "tolerance", "check")}
    return CHECK.dataset(values, attributes={"warnings": "; ".join(report.warnings)})
