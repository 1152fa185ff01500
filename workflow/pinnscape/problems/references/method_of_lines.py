"""The method of lines for equations in time and one space variable: spectral collocation in space, an ODE solver in time.

SymPy solves the equation for the highest time derivatives, in which it must be linear. The interpolants in space are
trigonometric if the solution is periodic, and otherwise polynomials in Chebyshev points (Trefethen 2000, chs. 3 and 6). The
values at the ends of the interval follow from the boundary conditions.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import xarray as xr

from pinnscape.problems import statement
from pinnscape.problems.conditions import Condition, Dirichlet, Initial, InitialRate, Neumann, Periodic, Robin
from pinnscape.problems.field import Field, Point
from pinnscape.problems.functions import FUNCTIONS
from pinnscape.problems.references import grid
from pinnscape.problems.symbols import NOT_SYMBOLIC, Derived, Symbols

if TYPE_CHECKING:
    from pinnscape.problems.problem import Problem

_MOST_EVALUATIONS = 300_000  # of the right-hand side in one integration
Solver = Literal["DOP853", "Radau", "LSODA"]


def solve(
    problem: "Problem",
    points: int = 96,
    times: int = 201,
    stored: int = 257,
    tolerance: float = 1e-12,
    solver: Solver | None = None,
) -> xr.Dataset:
    """Solve an equation and evaluate the solution on a grid in space and time.

    The error estimate is the maximum of two errors: the difference from a solution with two thirds of the collocation points and
    a hundred times the tolerance, and the interpolation error of the grid midway between its points.

    Args:
        problem: a problem with ``residual`` on ``SpaceTime`` with one space variable.
        points: number of collocation points in space.
        times: number of grid points in time.
        stored: number of grid points in space, at which the interpolant is evaluated.
        tolerance: relative and absolute tolerance of the ODE solver.
        solver: method of ``scipy.integrate.solve_ivp``; by default Radau if the equations are stiff, otherwise DOP853.

    Returns:
        The solution on the grid, with the attribute ``error_estimate``.

    Raises:
        ValueError: the equation or its conditions are of another kind, or the ODE solver fails.
    """
    evolution = Evolution(problem)
    solver = solver or ("Radau" if evolution.is_stiff else "DOP853")
    (low, high), (start, end) = problem.domain.bounds
    x, t = np.linspace(low, high, 2 * stored - 1), np.linspace(start, end, 2 * times - 1)
    fine = evolution.run(points, t, x, tolerance, solver)
    coarse = evolution.run(2 * points // 3, t[::2], x[::2], 100.0 * tolerance, solver)
    found = grid.dataset(problem, (x[::2], t[::2]), fine[:, ::2, ::2], 0.0, "method-of-lines")
    places, moments = (axis.ravel() for axis in np.meshgrid(x[1::2], t[1::2], indexing="ij"))
    between = grid.at(found, np.stack([places, moments], 1)) - fine[:, 1::2, 1::2].reshape(len(fine), -1).T
    error = max(np.abs(fine[:, ::2, ::2] - coarse).max(), np.abs(between).max())
    return found.assign_attrs(error_estimate=float(error))


class Evolution:
    """An equation as a system of ordinary differential equations in time.

    Args:
        problem: as for ``solve``.

    Attributes:
        orders: order of the highest time derivative of each component.
        conditions: conditions of the problem.
        is_periodic: whether the solution is periodic in space.

    Raises:
        ValueError: the problem is of another kind, or cannot be solved for the highest time derivatives.
    """

    def __init__(self, problem: "Problem") -> None:
        domain = problem.domain
        if domain.time is None or len(domain.space) != 1 or not problem.has("residual"):
            raise ValueError(
                "the reference method-of-lines is for problems with `residual` on SpaceTime with one variable of space"
            )
        self.problem = problem
        self._solve_for_rates()
        self.conditions = statement.conditions(problem)
        self.is_periodic = any(isinstance(condition, Periodic) for condition in self.conditions)

    def _solve_for_rates(self) -> None:
        import sympy

        problem = self.problem
        domain, symbolic = problem.domain, problem.symbolic()
        symbols = Symbols(problem.unknowns)
        given = symbolic.residual(symbols.point, symbols.field)
        given = (
            list(given.values()) if isinstance(given, dict) else list(given) if isinstance(given, (tuple, list)) else [given]
        )
        residuals = [sympy.sympify(residual) for residual in given]
        named = symbols.named(residuals)
        components = len(problem.components)
        self.orders = [max((order[1] for c, order in named if c == k), default=0) for k in range(components)]
        rates = [symbols.derivative(k, (0, order)) for k, order in enumerate(self.orders)]
        mixed = any(order[0] and order[1] == self.orders[k] for k, order in named)
        matrix = sympy.Matrix(residuals).jacobian(rates) if len(residuals) == components else sympy.zeros(1)
        if (
            0 in self.orders
            or mixed
            or matrix.free_symbols & set(rates)
            or matrix.shape != (components, components)
            or matrix.det() == 0
        ):
            raise ValueError(
                f"the equations of {type(problem).__name__} cannot be solved for the highest derivatives in {domain.time}"
            )
        rest = sympy.Matrix(residuals).subs(dict.fromkeys(rates, 0))
        parameters = {name: getattr(symbolic, name) for name in problem.parameter_names}
        self._rates = Derived.of(symbols, list(-matrix.LUsolve(rest)), parameters)
        self._in_space = max((order[0] for _, order in named), default=0)

    @property
    def is_stiff(self) -> bool:
        """Whether the equations are of first order in time, of second or higher order in space, and not periodic."""
        return not self.is_periodic and self._in_space >= 2 and max(self.orders) == 1

    def run(self, points: int, t: np.ndarray, x: np.ndarray, tolerance: float, solver: str) -> np.ndarray:
        """Solve the equations.

        Args:
            points: number of collocation points.
            t: times at which the solution is evaluated, ascending.
            x: points in space at which the solution is evaluated.
            tolerance: relative and absolute tolerance of the ODE solver.
            solver: method of the ODE solver.

        Returns:
            Values (c, len(x), len(t)).

        Raises:
            ValueError: initial or boundary conditions are missing or of another kind, or the ODE solver fails.
        """
        from scipy.integrate import solve_ivp  # imported here, because it takes a second

        low, high = self.problem.domain.bounds[0]
        space = Fourier(points, low, high) if self.is_periodic else Chebyshev(points, low, high)
        ends = [] if self.is_periodic else self._ends(space)

        evaluations = count()

        def slope(time: float, flat: np.ndarray) -> np.ndarray:
            if next(evaluations) > _MOST_EVALUATIONS or not np.isfinite(flat).all():
                raise ValueError(
                    f"the reference method-of-lines of {type(self.problem).__name__} does not proceed beyond "
                    f"{self.problem.domain.time} = {time:.3g}; the equation may be ill-posed; correct it, or leave out `reference`"
                )
            states = self._states(flat, space, ends, time)
            field = Field(
                self.problem.domain.names,
                lambda k, order: space.derivative(states[k][order[1]], order[0]),
                self.problem.components,
            )
            point = Point(self.problem.domain.names, [space.points, np.full_like(space.points, time)])
            values = {name: getattr(self.problem, name) for name in self.problem.parameter_names}
            rates = self._rates(point, field, values)
            rows = [[*states[k][1:], np.broadcast_to(rates[k], space.points.shape)] for k in range(len(states))]
            return np.concatenate([row for component in rows for row in component])

        found = solve_ivp(slope, (t[0], t[-1]), self._first(space, t[0]), solver, t, rtol=tolerance, atol=tolerance)
        if not found.success:
            raise ValueError(
                f"the reference method-of-lines of {type(self.problem).__name__} ends at {found.t[-1]:.3g}: {found.message}"
            )
        states = [self._states(found.y[:, i], space, ends, time) for i, time in enumerate(t)]
        return np.stack([space.at(np.stack([state[k][0] for state in states], 1), x) for k in range(len(self.orders))])

    def _states(self, flat: np.ndarray, space: "Space", ends: list["End"], time: float) -> list[list[np.ndarray]]:
        """Values and time derivatives of each component at the collocation points, with ends that satisfy the conditions."""
        rows = list(flat.reshape(sum(self.orders), len(space.points)))
        states = [[rows.pop(0) for _ in range(order)] for order in self.orders]
        for k, state in enumerate(states):
            held = [end for end in ends if end.component == k]
            for j, row in enumerate(state if held else []):
                state[j] = _with_ends(row, held, time, j)
        return states

    def _first(self, space: "Space", time: float) -> np.ndarray:
        rows = []
        for k, component in enumerate(self.problem.components):
            for order in range(self.orders[k]):
                found = [c for c in self.conditions if _at_first(c, order) and component in c.about(self.problem)]
                if len(found) != 1:
                    raise ValueError(
                        f"{type(self.problem).__name__} needs one initial condition of order {order} for {component}, not {len(found)}"
                    )
                value = found[0].data(self.problem).get(f"value_{component}")
                rows.append(_values(value, self.problem, space.points, np.full_like(space.points, time)))
        return np.concatenate(rows)

    def _ends(self, space: "Space") -> list["End"]:
        """The conditions at the two ends of the interval."""
        problem, found = self.problem, []
        name = problem.domain.space[0]
        for condition in self.conditions:
            for piece in set(condition.pieces(problem.domain)) & {f"{name}_min", f"{name}_max"}:
                if type(condition) not in (Dirichlet, Neumann, Robin):
                    raise ValueError(
                        f"the reference method-of-lines has no {type(condition).__name__} condition; take Dirichlet, Neumann or Robin"
                    )
                for component in condition.about(problem):
                    found.append(_end(condition, piece.endswith("max"), component, problem, space, self.orders))
        return found


def _at_first(condition: Condition, order: int) -> bool:
    return isinstance(condition, Initial) if order == 0 else isinstance(condition, InitialRate) and condition.order == order


def _values(value: Callable[[Point], Any] | None, problem: "Problem", x: np.ndarray, t: np.ndarray) -> np.ndarray:
    """Values (n,) of a prescribed function, which may use torch, at n points."""
    if value is None:
        return np.zeros_like(x)
    import torch

    from pinnscape.problems import autograd

    points = torch.tensor(np.stack([x, t], 1))
    return autograd.columns(value(autograd.point(problem.domain, points)), points[:, 0])[0].detach().numpy()


def _in_time(value: Callable[[Point], Any] | None, problem: "Problem", x: float, orders: int) -> list[Callable[[float], float]]:
    """A prescribed value at x and its time derivatives below the order ``orders``, as functions of time.

    Raises:
        ValueError: the prescribed value cannot be evaluated with SymPy symbols.
    """
    import sympy

    t = sympy.Symbol("t", real=True)
    try:
        found = sympy.sympify(0.0 if value is None else value(Point(problem.domain.names, (sympy.Float(x), t))))
    except NOT_SYMBOLIC as error:
        raise ValueError(
            f"a condition of {type(problem).__name__} must be written with functions of pinnscape.problems.functions ({error})"
        ) from error
    return [sympy.lambdify(t, sympy.diff(found, t, order), modules=[dict(FUNCTIONS)]) for order in range(orders)]


@dataclass(frozen=True)
class End:
    """A boundary condition row · u = value(t) for one component at one end, where u are the values at the collocation points.

    Attributes:
        component: index of the component.
        index: index of the collocation point at this end.
        row: coefficients (n,).
        values: value(t) and its time derivatives.
    """

    component: int
    index: int
    row: np.ndarray
    values: list[Callable[[float], float]]


def _end(condition: Condition, last: bool, component: str, problem: "Problem", space: "Space", orders: list[int]) -> End:
    index = len(space.points) - 1 if last else 0
    normal, k = 1.0 if last else -1.0, problem.components.index(component)
    columns = condition.data(problem)
    row = np.zeros(len(space.points))
    if isinstance(condition, Dirichlet):
        row[index], name = 1.0, "value"
    else:
        row, name = normal * space.matrix(1)[index], "flux" if isinstance(condition, Neumann) else "g"
    if isinstance(condition, Robin):
        factor, is_number = condition.a, isinstance(condition.a, (int, float))
        if not is_number:
            raise ValueError("the reference method-of-lines takes a number as `a` of a Robin condition")
        row[index] += factor
    values = _in_time(columns.get(f"{name}_{component}"), problem, space.points[index], orders[k])
    return End(k, index, row, values)


def _with_ends(values: np.ndarray, ends: Sequence[End], time: float, order: int) -> np.ndarray:
    """Values (n,) with entries at the ends that satisfy the conditions on the time derivative of this order."""
    indices, rows = [end.index for end in ends], np.stack([end.row for end in ends])
    values = values.copy()
    values[indices] = 0.0
    wanted = np.array([end.values[order](time) for end in ends]) - rows @ values
    values[indices] = np.linalg.solve(rows[:, indices], wanted)
    return values


class Space(ABC):
    """Interpolation in space.

    Attributes:
        points: collocation points (n,).
    """

    points: np.ndarray

    @abstractmethod
    def derivative(self, values: np.ndarray, order: int) -> np.ndarray:
        """The derivative (n,) of the interpolant of values (n,) at the collocation points."""

    def matrix(self, order: int) -> np.ndarray:
        """The differentiation matrix (n, n) of this order."""
        return np.stack([self.derivative(column, order) for column in np.eye(len(self.points))], 1)

    @abstractmethod
    def at(self, values: np.ndarray, x: np.ndarray) -> np.ndarray:
        """Values (m, k) at x (m,) of the interpolants of k columns of values (n, k)."""


class Fourier(Space):
    """Trigonometric interpolation at equidistant points, which exclude the right end."""

    def __init__(self, count: int, low: float, high: float) -> None:
        self.points = low + (high - low) * np.arange(count) / count
        self._low, self._waves = low, 2.0 * np.pi / (high - low) * np.arange(count // 2 + 1)

    def derivative(self, values: np.ndarray, order: int) -> np.ndarray:
        if order == 0:
            return values
        factor = (1j * self._waves) ** order
        if order % 2 and len(values) % 2 == 0:
            factor[-1] = 0.0
        return np.fft.irfft(factor * np.fft.rfft(values), len(values))

    def at(self, values: np.ndarray, x: np.ndarray) -> np.ndarray:
        coefficients = np.fft.rfft(values, axis=0) / len(values)
        coefficients[1 : (len(values) + 1) // 2] *= 2.0
        angles = np.outer(x - self._low, self._waves)
        return np.cos(angles) @ coefficients.real - np.sin(angles) @ coefficients.imag


class Chebyshev(Space):
    """Polynomial interpolation at Chebyshev points, which include both ends."""

    def __init__(self, count: int, low: float, high: float) -> None:
        k = np.arange(count)
        s = -np.cos(np.pi * k / (count - 1))
        self.points = low + 0.5 * (high - low) * (s + 1.0)
        self._weights = np.where((k == 0) | (k == count - 1), 0.5, 1.0) * (-1.0) ** k
        gaps = self.points[:, None] - self.points + np.eye(count)
        slopes = self._weights[None, :] / self._weights[:, None] / gaps
        slopes -= np.diag(slopes.sum(1))
        self._powers = [np.eye(count), slopes]

    def matrix(self, order: int) -> np.ndarray:
        while len(self._powers) <= order:
            self._powers.append(self._powers[-1] @ self._powers[1])
        return self._powers[order]

    def derivative(self, values: np.ndarray, order: int) -> np.ndarray:
        return self.matrix(order) @ values if order else values

    def at(self, values: np.ndarray, x: np.ndarray) -> np.ndarray:
        gaps = x[:, None] - self.points
        hits = np.isclose(gaps, 0.0, rtol=0.0, atol=1e-15)
        shares = self._weights / np.where(hits, 1.0, gaps)
        found = (shares @ values) / shares.sum(1, keepdims=True)
        found[hits.any(1)] = values[hits.argmax(1)[hits.any(1)]]
        return found
