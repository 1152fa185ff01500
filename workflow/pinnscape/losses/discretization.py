"""The discretisation of a problem by a network and quadrature or collocation points: losses, and errors of solutions."""

import copy
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pinnscape.common.formulations import PHYSICS
from pinnscape.common.measured import H1_SQUARE, L2_SQUARE, Measurement
from pinnscape.files.kept import Kept
from pinnscape.losses.assembly import Assembly
from pinnscape.losses.field import FieldObjective
from pinnscape.losses.native.build import Compiler
from pinnscape.losses.quadrature_error import QuadratureError
from pinnscape.losses.solution import Solution
from pinnscape.losses.terms import Ansatz, Term
from pinnscape.networks.architectures import Architecture
from pinnscape.networks.arithmetic import total
from pinnscape.networks.forward import function_streams
from pinnscape.networks.layout import Layout
from pinnscape.problems import ansatz as hard
from pinnscape.problems import autograd, statement
from pinnscape.problems.domains.domain import INTERIOR
from pinnscape.problems.euler_lagrange import operator
from pinnscape.problems.field import Point, component_of
from pinnscape.problems.points import PointSet, Rule, place
from pinnscape.problems.problem import Problem
from pinnscape.problems.rules import Rules
from pinnscape.problems.statement import DEEP_RITZ, SUPERVISED, Settings
from pinnscape.problems.terms import TermSpec, value_or_tuple

_ZERO = 1e-12  # magnitude relative to the problem's scale up to which a solution counts as zero
ERROR, SLOPE = "error/value", "error/slope"
Known = Callable[[Point], Any]  # an exact or reference solution as a function of a point


class Discretization:
    """A problem with a network, and with points for each term of its losses.

    Args:
        problem: the problem.
        network: architecture; its inputs and outputs must fit the problem.
        rules: rules by which points are placed; a single rule applies to all terms.
        conditions: settings of the problem's conditions and weights of its terms, by name; see ``statement.conditions``.
        device: device of all tensors, which are float64.
        compiler: compiler for native code. Without a compiler, and on a GPU, torch evaluates all terms.
        memory: upper bound on the intermediate values of one evaluation by torch, in bytes.
        kept: cache of the symbolic derivations, if any.
        reference: numerical solution from which errors are measured if the problem has no exact solution.
        solution: class that evaluates the solution from the parameters; by default a network with hard conditions.

    Attributes:
        losses: names of the losses, in their order in files, tables and figures.
        assembly: all terms of the losses, named loss/term as in ``strong-form/interior``, and the terms of the errors.

    Raises:
        ValueError: the network does not fit the problem, or a rule does not fit the domain.
        ProblemError: the definition of the problem has an error.
    """

    def __init__(
        self,
        problem: Problem,
        network: Architecture,
        rules: Rules | Rule,
        conditions: Settings | None = None,
        device: str = "cpu",
        compiler: Compiler | None = None,
        memory: float = 1e9,
        kept: Kept | None = None,
        reference: Known | None = None,
        solution: type[Solution] = Solution,
    ) -> None:
        self.problem, self.network, self.conditions, self.reference = problem, network, conditions, reference
        self.rules = Rules(rules) if isinstance(rules, Rule) else rules
        if problem.has("density"):
            operator(problem, kept)  # derives the Euler-Lagrange operator once and caches it
        known = self.known is not None
        self.losses = tuple(name for name in statement.formulations(problem) if name != SUPERVISED or known)
        self._specs = {f"{loss}/{spec.name}": spec for loss in self.losses for spec in self._stated(loss, problem)}
        # If errors are measured at the points of the losses, the supervised loss is the squared L² error.
        self._shares = self.rules.errors == self.rules.interior and SUPERVISED in self.losses
        self._specs |= {name: spec for name, spec in self._errors().items() if not (name == ERROR and self._shares)}
        self._points = self._placed()
        self._drawn: tuple[int, Discretization] | None = None
        made = _ansatz(problem, statement.ansatz(problem, conditions))
        terms = [self._term(name, spec) for name, spec in self._specs.items()]
        parameters = problem.parameters
        self.assembly = Assembly(network, problem.unknowns, terms, made, parameters, device, compiler, memory, kept, solution)

    # ---- terms and points ----

    @property
    def known(self) -> Known | None:
        """The solution from which errors are measured: the exact one, otherwise the reference; None if there is neither."""
        return self.problem.exact if self.problem.has("exact") else self.reference

    def _stated(self, loss: str, problem: Problem) -> tuple[TermSpec, ...]:
        return statement.terms(problem, loss, self.conditions, self.reference)

    def _errors(self) -> dict[str, TermSpec]:
        """Terms for the mean squares of u - u* and, if u* is the exact solution, of ∇u - ∇u*; empty if no solution is known."""
        problem = self.problem
        if self.known is None:
            return {}
        names, known = problem.components, statement.columns(self.known, "exact", problem)

        def value(p: Point, u: Any, f: Mapping[str, Any]) -> Any:
            return value_or_tuple([component_of(u, names, name) - f[f"exact_{name}"] for name in names])

        found = {ERROR: TermSpec("value", "squared", (INTERIOR,), value, known)}
        if problem.has("exact"):

            def slope(p: Point, u: Any, f: Mapping[str, Any]) -> Any:
                pairs = [(name, x) for name in names for x in problem.domain.names]
                return value_or_tuple([getattr(component_of(u, names, name), x) - f[f"exact_{name}_{x}"] for name, x in pairs])

            found[SLOPE] = TermSpec("slope", "squared", (INTERIOR,), slope)
        return found

    def _rule(self, name: str) -> Rule:
        if name in (ERROR, SLOPE):
            return self.rules.errors
        spec = self._specs[name]
        return self.rules.of(spec.name, spec.where == (INTERIOR,))

    def _placed(self) -> dict[str, PointSet]:
        """The points of each term, by name; terms with the same places and rule share one point set."""
        places = {name: (spec.where, spec.sites, self._rule(name)) for name, spec in self._specs.items()}
        bases = {key: place(self.problem.domain, key[0], key[2], key[1]) for key in dict.fromkeys(places.values())}
        columns: dict[Any, dict[str, np.ndarray]] = {key: {} for key in bases}
        for name, spec in self._specs.items():
            key = places[name]
            added = spec.columns(self.problem.domain, bases[key]) | (self._slopes(bases[key]) if name == SLOPE else {})
            for column in added.keys() & columns[key].keys():
                same = np.array_equal(added[column], columns[key][column], equal_nan=True)
                assert same, f"two terms at the same points have different columns {column}"
            columns[key] |= added
        found = {key: base.with_data(columns[key]) for key, base in bases.items()}
        return {name: found[key] for name, key in places.items()}

    def _slopes(self, points: PointSet) -> dict[str, np.ndarray]:
        """Data columns (n,) of ∇u* at the points, by name."""
        problem = self.problem
        at = torch.tensor(points.points[0], dtype=torch.float64)
        _, u = autograd.differentiable(problem.exact, problem.domain, at, problem.components)
        return {
            f"exact_{name}_{x}": getattr(component_of(u, problem.components, name), x).detach().numpy().copy()
            for name in problem.components
            for x in problem.domain.names
        }

    def _term(self, name: str, spec: TermSpec) -> Term:
        """A term at its points.

        The weights of the points sum to the measure of their set. A squared term is divided by this measure, which makes it
        a mean.
        """
        measure = (
            1.0 if spec.kind == "energy" else self.problem.domain.measure(spec.where if spec.sites == 1 else spec.where[:1])
        )
        loss = name.partition("/")[0]

        def symbolic() -> tuple[Any, Any]:
            found = self._errors()[name] if loss == "error" else self._symbolic(loss, spec.name)
            return found.local, found.exists

        return Term(name, spec.kind, spec.local, self._points[name], spec.weight / measure, spec.exists, symbolic)

    def _symbolic(self, loss: str, name: str) -> TermSpec:
        return next(spec for spec in self._stated(loss, self.problem.symbolic()) if spec.name == name)

    def with_rules(self, rules: Rules | Rule) -> "Discretization":
        """A copy at other points; derivations and compiled code are reused."""
        other = copy.copy(self)
        for name in [name for name in vars(self) if isinstance(getattr(type(self), name, None), cached_property)]:
            del vars(other)[name]
        given = self.rules.with_interior(rules) if isinstance(rules, Rule) else rules
        other.rules = replace(given, test=None if self._shares else given.errors)
        other._points = other._placed()
        other.assembly = self.assembly.with_points({self._points[name]: points for name, points in other._points.items()})
        return other

    def drawn(self, draw: int) -> "Discretization":
        """A copy in which random point sets are drawn again, with ``draw`` as the number of the draw."""
        if self._drawn is None or self._drawn[0] != draw:
            self._drawn = draw, self.with_rules(self.rules.at_step(draw))
        return self._drawn[1]

    def with_weights(self, weights: Mapping[str, float]) -> "Discretization":
        """A copy in which the weights of terms are multiplied by these factors, by name as in ``strong-form/initial``."""
        other = copy.copy(self)
        for name in ("fresh", "quadrature_error"):
            vars(other).pop(name, None)
        changes = {name: self.assembly.terms[name].weight * weight for name, weight in weights.items()}
        other.assembly = self.assembly.with_weights(changes)
        return other

    @cached_property
    def fresh(self) -> "Discretization":
        """A copy at points that are not used in training."""
        return self.with_rules(self.rules.fresh())

    # ---- losses ----

    @property
    def physics(self) -> tuple[str, ...]:
        """The losses that contain the differential equation."""
        return tuple(loss for loss in self.losses if loss != SUPERVISED)

    @property
    def compared(self) -> tuple[str, ...]:
        """Both physics losses, which claims compare; empty if the problem has only one."""
        return PHYSICS if set(PHYSICS) <= set(self.losses) else ()

    @property
    def size(self) -> int:
        """Number of parameters P."""
        return self.network.size

    @property
    def layout(self) -> Layout:
        return self.network.layout

    @property
    def device(self) -> torch.device:
        return self.assembly.solution.device

    @property
    def batch(self) -> int:
        """Number of parameter vectors to evaluate in one batch."""
        return self.assembly.batch

    def count(self, name: str) -> int:
        """Number of points n of a term, named as in ``deep-ritz/interior``."""
        return self._points[name].count

    def objective(self, loss: str) -> FieldObjective:
        """A loss of the problem such as ``strong-form``, or a single term of a loss such as ``strong-form/initial``.

        Raises:
            ValueError: the problem has no such loss.
        """
        if loss in self.terms:
            whole, _, term = loss.partition("/")
            return self.objective(whole).only(term)
        if loss not in self.losses:
            raise ValueError(f"{type(self.problem).__name__} has no loss {loss!r}; it has {', '.join(self.losses)}")
        return FieldObjective(loss, self.assembly, self._names(loss), self.minimum(loss), self)

    def _names(self, loss: str) -> tuple[str, ...]:
        return tuple(name for name in self._specs if name.startswith(f"{loss}/"))

    def at(self, theta: Tensor, points: Tensor) -> Tensor:
        """The solution (..., n, c) at arbitrary points (n, d), for parameters (..., P)."""
        return self.assembly.at(theta, points)

    @property
    def terms(self) -> tuple[str, ...]:
        """Names of all terms of the losses that have more than one term, as in ``strong-form/initial``."""
        several = (self._names(loss) for loss in self.losses)
        return tuple(name for names in several if len(names) > 1 for name in names)

    def minimum(self, loss: str) -> float:
        """The loss at the exact solution: 0 for a sum of squares, ``energy_minimum`` for the energy."""
        return self.energy_minimum if loss == DEEP_RITZ else 0.0

    @property
    def energy_minimum(self) -> float:
        """Energy of the exact solution under the same quadrature rules as all other energies.

        Close to the exact solution, the energy has nearly the same quadrature error, which cancels in the difference; see
        ``quadrature_error`` for an estimate of what remains. The energy minimum is NaN if the problem has no energy or no exact
        solution, or if soft Dirichlet conditions allow energies below that of the exact solution.
        """
        return self._energy_minimum

    @cached_property
    def _energy_minimum(self) -> float:
        names = self._names(DEEP_RITZ) if DEEP_RITZ in self.losses else ()
        energies = all(self.assembly.terms[name].kind == "energy" for name in names)
        if not names or not energies or not self.problem.has("exact"):
            return float("nan")
        return float(sum(self._of_exact(name) for name in names))

    @cached_property
    def energy_size(self) -> float:
        """Integral of the absolute energy density of the exact solution, to which rounding errors of energies are relative."""
        names = [name for name in self._names(DEEP_RITZ) if self.assembly.terms[name].kind == "energy"]
        return float(sum(self._of_exact(name, abs) for name in names))

    def _of_exact(self, name: str, change: Callable[[Tensor], Tensor] = lambda values: values) -> Tensor:
        """An energy term at the exact solution, with ``change`` applied to the density; NaN if the density does not exist."""
        group = self.assembly.group(name).as_written()
        streams, points = group.needed[name], group.solution.tensor(group.points.points)
        exact = function_streams(self._exact, points.flatten(0, 1), streams).unflatten(1, points.shape[:2])
        outputs, exists = group(name, exact, streams, slice(None))
        value = (change(outputs[0]) * group.weights).sum(-1)
        return value if exists is None else torch.where(exists.all(-1), value, torch.nan)

    def _exact(self, points: Tensor) -> Tensor:
        """The exact solution (n, c) at points (n, d)."""
        return _columns(self.problem, self.problem.exact, points)

    def solution(self, points: Tensor) -> Tensor:
        """The exact or reference solution (n, c) at points (n, d); NaN if neither is known."""
        if self.known is None:
            return torch.full((len(points), len(self.problem.components)), torch.nan, dtype=points.dtype, device=points.device)
        return _columns(self.problem, self.known, points)

    # ---- errors ----

    @cached_property
    def is_zero(self) -> bool:
        """Whether the known solution is zero up to rounding errors; relative errors are then undefined (NaN)."""
        sizes = [np.abs(column).max() for name, column in self._test_points.data.items() if name.startswith("exact_")]
        return bool(max(sizes, default=0.0) <= _ZERO * self.problem.scale)

    @property
    def norms(self) -> tuple[float, float]:
        """Means of |u*|² and of |∇u*|², to which squared errors are relative; NaN if unknown."""
        return self._norms

    @cached_property
    def _norms(self) -> tuple[float, float]:
        return self._norm([f"exact_{name}" for name in self.problem.components]), self._norm(
            [f"exact_{name}_{x}" for name in self.problem.components for x in self.problem.domain.names]
        )

    def _norm(self, names: list[str]) -> float:
        points = self._test_points
        if not all(name in points.data for name in names):
            return float("nan")
        squares = torch.tensor(np.stack([points.data[name] for name in names], -1)).square().sum(-1)
        return float(squares @ torch.tensor(points.weights)) / self.problem.domain.measure(INTERIOR)

    @property
    def _test_points(self) -> PointSet:
        name = SLOPE if SLOPE in self._specs else ERROR if ERROR in self._specs else f"{SUPERVISED}/{INTERIOR}"
        return self._points[name] if name in self._points else PointSet(np.zeros((1, 1, 1)), np.zeros(1))

    @property
    def measures(self) -> tuple[str, ...]:
        return ()

    @property
    def fields(self) -> tuple[str, ...]:
        """The losses, the terms of losses that have several, and squared errors.

        The squared L² error is a field only if it does not follow from the supervised loss and if a solution is known; the
        squared H¹ error is a field only if the gradient of the solution is known.
        """
        own = [] if self._shares or self.known is None else [L2_SQUARE]
        slopes = [H1_SQUARE] if np.isfinite(self.norms[1]) else []
        return (*self.losses, *self.terms, *own, *slopes)

    @property
    def energy_minimum_error(self) -> float:
        """Quadrature error of ``energy_minimum``."""
        return self.quadrature_error.minimum

    def gap_errors(self, thetas: Tensor) -> np.ndarray:
        """Quadrature errors (n,) of the energy gap at parameters (n, P); NaN if unknown."""
        return self.quadrature_error.gaps(thetas)

    @cached_property
    def quadrature_error(self) -> QuadratureError:
        """Error of the quadrature rule of the energy."""
        return QuadratureError(self)

    def measure(self, theta: Tensor, what: Measurement = "all") -> dict[str, Tensor]:
        """All losses and errors (...) at parameters (..., P), from one forward pass for each point set.

        Returns:
            The losses by the names in ``losses`` and their weighted terms by the names in ``terms``; ``energy_gap`` and the
            relative errors ``l2_error`` and ``h1_error``, NaN if unknown; and ``infeasible``, bool, whether an energy density
            or residual does not exist at some point. Losses that do not exist are NaN.
        """
        found = self.assembly.measure(theta)
        measured = {loss: total([found[name] for name in self._names(loss)]) for loss in self.losses}
        measured |= {name: found[name] for name in self.terms}
        unknown = torch.full(theta.shape[:-1], torch.nan, dtype=theta.dtype, device=self.device)
        measured["energy_gap"] = measured[DEEP_RITZ] - self.energy_minimum if DEEP_RITZ in measured else unknown
        measured |= self._relative(found, measured) or dict.fromkeys(("l2_error", "h1_error"), unknown)
        exists = found.get("exists", torch.ones(theta.shape[:-1], dtype=torch.bool, device=self.device))
        return measured | {"infeasible": ~exists}

    def _relative(self, found: dict[str, Tensor], measured: dict[str, Tensor]) -> dict[str, Tensor]:
        """The relative L² and H¹ errors (...); empty if no solution is known."""
        if self.known is None:
            return {}
        value = found[ERROR] if ERROR in found else measured[SUPERVISED]
        norm, seminorm = (torch.nan, torch.nan) if self.is_zero else self.norms
        slope = found.get(SLOPE, torch.full_like(value, torch.nan))
        return {"l2_error": (value / norm).sqrt(), "h1_error": ((value + slope) / (norm + seminorm)).sqrt()}


def _ansatz(problem: Problem, made: hard.Ansatz) -> Ansatz:
    """The ansatz as functions of points (n, d); None for a lift that is zero and for a factor that is one."""
    middle = autograd.point(problem.domain, torch.tensor(problem.domain.bounds, dtype=torch.float64).mean(1)[None])
    lifts, factors = made.lift(middle), made.factor(middle)
    plain_lift = all(isinstance(value, (int, float)) and value == 0 for value in lifts)
    plain_factor = all(isinstance(value, (int, float)) and value == 1 for value in factors)
    count = 1 if made.one_factor else len(problem.components)
    return Ansatz(
        None if plain_lift else lambda x: _columns(problem, made.lift, x),
        None if plain_factor else lambda x: _columns(problem, made.factor, x)[:, :count],
    )


def _columns(problem: Problem, function: Callable[[Point], Any], points: Tensor) -> Tensor:
    """Values (n, c) of a function of a ``Point`` at points (n, d)."""
    found = function(autograd.point(problem.domain, points))
    return torch.stack([value.as_subclass(Tensor) for value in autograd.columns(found, points[:, 0])], -1)
