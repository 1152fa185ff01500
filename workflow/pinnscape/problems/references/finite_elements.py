"""Stationary points of an energy in two space variables by finite elements and Newton's method.

The elements are those of scikit-fem (Gustafsson & McBain 2020). SymPy derives the first and second derivatives of the energy
density. The error is estimated by comparison with a coarser mesh.
"""

import itertools
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.sparse
import xarray as xr

from pinnscape.problems import statement
from pinnscape.problems.conditions import Condition, Dirichlet, Neumann, Robin
from pinnscape.problems.field import Field, Point
from pinnscape.problems.references.grid import attributes
from pinnscape.problems.symbols import Derived, Symbols

if TYPE_CHECKING:
    from pinnscape.problems.problem import Problem

# Newton's method: maximum number of steps, smallest damping factor, and tolerance relative to the norm of the initial residual.
_STEPS, _SHORTEST, _TOLERANCE = 50, 1e-4, 1e-11


def solve(problem: "Problem", refinements: int = 4, graded: int = 12) -> xr.Dataset:
    """Solve a problem on a mesh of triangles.

    Args:
        problem: a problem with an energy density of first derivatives on a rectangle, an L-shape, a slit square or a disk.
        refinements: number of uniform refinements of the mesh, see ``meshes.triangulation``; at least 2.
        graded: number of refinements at a reentrant corner that precede them; at least 2.

    Returns:
        Mesh and coefficients of the solution; the attribute ``error_estimate`` is the maximum difference from the solution on a
        coarser mesh.

    Raises:
        ValueError: the problem is of another kind, a number is too small, or Newton's method does not converge.
    """
    from pinnscape.problems.references import meshes  # imported here, because scikit-fem takes a second

    if refinements < 2 or graded < 2:
        raise ValueError(
            f"`refinements` and `graded` of the reference finite-elements must be at least 2, not {refinements} and {graded}"
        )
    if not problem.has("density"):
        raise ValueError(f"the reference finite-elements is for problems with `density`, which {type(problem).__name__} lacks")
    meshes.check(problem.domain)
    density = Density(problem)
    mesh, coefficients = System(density, meshes.triangulation(problem.domain, refinements, graded)).solved()
    coarse = System(density, meshes.triangulation(problem.domain, refinements - 1, graded - 2)).solved()
    nodes = np.array(mesh.p.T)
    error = float(np.abs(meshes.values(mesh, coefficients, nodes) - meshes.values(*coarse, nodes)).max())
    values = {
        "node": (("nodes", "variable"), mesh.doflocs.T, "nodes of the mesh"),
        "triangle": (("triangles", "corner"), mesh.t.T, "nodes at the corners of each triangle"),
        "coefficient": (("functions", "component"), coefficients, "coefficients of the functions on triangles"),
        "variable": ("variable", list(problem.domain.names), "variable of the problem"),
        "component": ("component", list(problem.components), "component of the solution"),
    }
    variables = {name: (dims, array, {"long_name": text, "units": "1"}) for name, (dims, array, text) in values.items()}
    found = xr.Dataset(variables, attrs=attributes(problem, error, "finite-elements"))
    indices = {
        dim: (dim, np.arange(found.sizes[dim]), {"long_name": f"index of {dim}"}) for dim in found.sizes if dim not in found
    }
    return found.assign_coords(indices)


def at(data: xr.Dataset, points: np.ndarray) -> np.ndarray:
    """Values (n, c) of a solution at points (n, 2).

    Args:
        data: the dataset of ``solve``.
        points: (n, 2).
    """
    import skfem  # imported here, because it takes a second

    from pinnscape.problems.references import meshes

    nodes, triangles = data["node"].to_numpy().T, data["triangle"].to_numpy().T
    curved = nodes.shape[1] > triangles.max() + 1
    mesh = skfem.MeshTri2(nodes, triangles) if curved else skfem.MeshTri(nodes, triangles)
    return meshes.values(mesh, data["coefficient"].to_numpy(), points)


class Density:
    """First and second derivatives of an energy density with respect to u and ∇u.

    A state contains u, ∂u/∂x and ∂u/∂y for each of the c components.

    Args:
        problem: a problem with a density.

    Raises:
        ValueError: the density contains higher derivatives.
    """

    def __init__(self, problem: "Problem") -> None:
        import sympy

        self.problem, self.count = problem, len(problem.components)
        symbolic = problem.symbolic()
        symbols = Symbols(problem.unknowns)
        energy = sympy.sympify(symbolic.density(symbols.point, symbols.field))
        if any(sum(order) > 1 for _, order in symbols.named([energy])):
            raise ValueError(
                f"the reference finite-elements is for densities of first derivatives, not that of {type(problem).__name__}"
            )
        orders = [(0, 0), (1, 0), (0, 1)]
        unknowns = [symbols.derivative(k, order) for k in range(self.count) for order in orders]
        parameters = {name: getattr(symbolic, name) for name in problem.parameter_names}
        slopes = [sympy.diff(energy, unknown) for unknown in unknowns]
        self._slopes = Derived.of(symbols, slopes, parameters)
        self._moduli = Derived.of(symbols, [sympy.diff(slope, unknown) for slope in slopes for unknown in unknowns], parameters)

    def _evaluated(self, derived: Derived, x: np.ndarray, state: np.ndarray) -> np.ndarray:
        field = Field(
            self.problem.domain.names, lambda k, order: state[3 * k + order[0] + 2 * order[1]], self.problem.components
        )
        values = {name: getattr(self.problem, name) for name in self.problem.parameter_names}
        with np.errstate(invalid="ignore"):  # Newton's method shortens steps to points where the energy does not exist
            found = derived(Point(self.problem.domain.names, list(x)), field, values)
        return np.stack([np.broadcast_to(np.asarray(value, dtype=float), x[0].shape) for value in found])

    def slopes(self, x: np.ndarray, state: np.ndarray) -> np.ndarray:
        """First derivatives (3c, ...) of the density at points x (2, ...) and states (3c, ...)."""
        return self._evaluated(self._slopes, x, state)

    def moduli(self, x: np.ndarray, state: np.ndarray) -> np.ndarray:
        """Second derivatives (3c, 3c, ...) of the density at points x (2, ...) and states (3c, ...)."""
        return self._evaluated(self._moduli, x, state).reshape(3 * self.count, 3 * self.count, *x[0].shape)


class System:
    """The nonlinear system of equations for the coefficients of the solution on a mesh.

    Args:
        density: derivatives of the energy density.
        mesh: mesh of triangles.

    Raises:
        ValueError: a condition is not a Dirichlet, Neumann or Robin condition.
    """

    def __init__(self, density: Density, mesh: Any) -> None:
        from pinnscape.problems.references import meshes

        self._density, self._problem, self._mesh = density, density.problem, mesh
        self._basis = meshes.basis(mesh)
        self._size, self._count = self._basis.N, density.count
        self._x = np.array(self._basis.global_coordinates())
        self._load = self._assembled_load()
        self._boundary = scipy.sparse.csr_array((self._size * self._count,) * 2)
        self._held: dict[int, float] = {}
        for condition in statement.conditions(self._problem):
            self._impose(condition)

    def solved(self) -> tuple[Any, np.ndarray]:
        """Solve the equations by a damped Newton method, in which a step is halved until the norm of the residual decreases.

        Returns:
            The mesh, and coefficients (N, c) for N basis functions.

        Raises:
            ValueError: the method does not converge.
        """
        from scipy.sparse.linalg import spsolve

        u = np.zeros(self._size * self._count)
        held = np.array(sorted(self._held), dtype=int)
        u[held] = [self._held[index] for index in held]
        free = np.setdiff1d(np.arange(len(u)), held)
        residual = self._residual(u)[free]
        first = size = float(np.linalg.norm(residual))
        for _ in range(_STEPS):
            if size <= _TOLERANCE * first or size < 1e-14:
                return self._mesh, u.reshape(self._count, self._size).T
            step, share = np.zeros_like(u), 1.0
            step[free] = np.asarray(spsolve(self._tangent(u)[free][:, free].tocsc(), -residual))
            # The residual is NaN where the energy does not exist; NaN counts as an increase.
            while not np.linalg.norm(residual := self._residual(u + share * step)[free]) < size and share > _SHORTEST:
                share *= 0.5
            u, size = u + share * step, float(np.linalg.norm(residual))
        raise ValueError(
            f"the reference finite-elements of {type(self._problem).__name__} does not converge (a residual of {size:.1e} is left)"
        )

    def _state(self, u: np.ndarray) -> np.ndarray:
        """State (3c, elements, points) at the quadrature points of all elements."""
        rows = []
        for k in range(self._count):
            found = self._basis.interpolate(u[k * self._size : (k + 1) * self._size])
            rows += [np.asarray(found), *found.grad]
        return np.stack(rows)

    def _residual(self, u: np.ndarray) -> np.ndarray:
        import skfem

        slopes = self._density.slopes(self._x, self._state(u))
        parts = []
        for k in range(self._count):
            value, x, y = slopes[3 * k : 3 * k + 3]
            form = skfem.LinearForm(lambda v, w, value=value, x=x, y=y: value * v + x * v.grad[0] + y * v.grad[1])
            parts.append(form.assemble(self._basis))
        return np.concatenate(parts) - self._load + self._boundary @ u

    def _tangent(self, u: np.ndarray) -> Any:
        import skfem

        moduli = self._density.moduli(self._x, self._state(u))

        def block(k: int, m: int) -> Any:
            c = moduli[3 * k : 3 * k + 3, 3 * m : 3 * m + 3]

            def form(u: Any, v: Any, w: Any) -> Any:
                left, right = (v, *v.grad), (u, *u.grad)
                return sum(c[i, j] * left[i] * right[j] for i, j in itertools.product(range(3), repeat=2) if np.any(c[i, j]))

            return skfem.BilinearForm(form).assemble(self._basis) if np.any(c) else scipy.sparse.csr_array((self._size,) * 2)

        blocks = [[block(k, m) for m in range(self._count)] for k in range(self._count)]
        return scipy.sparse.csr_array(scipy.sparse.block_array(blocks, format="csr")) + self._boundary

    def _assembled_load(self) -> np.ndarray:
        load = statement.load(self._problem)
        if load is None:
            return np.zeros(self._size * self._count)
        parts = [self._integral(self._basis, partial(_component, load, k)) for k in range(self._count)]
        return np.concatenate(parts)

    def _integral(self, basis: Any, function: Callable[[Point], Any]) -> np.ndarray:
        """∫ f φ for each function φ of a basis."""
        import skfem

        values = self._values(function, np.array(basis.global_coordinates()))
        return skfem.LinearForm(lambda v, w: values * v).assemble(basis)

    def _values(self, function: Callable[[Point], Any], x: np.ndarray) -> np.ndarray:
        """Values (...) of a function at points x (2, ...)."""
        import torch

        from pinnscape.problems import autograd

        points = torch.tensor(x.reshape(2, -1).T.copy())
        found = autograd.columns(function(autograd.point(self._problem.domain, points)), points[:, 0])[0]
        return found.detach().numpy().reshape(x.shape[1:])

    def _impose(self, condition: Condition) -> None:
        import skfem

        from pinnscape.problems.references import meshes

        problem, columns = self._problem, condition.data(self._problem)
        if type(condition) not in (Dirichlet, Neumann, Robin):
            raise ValueError(
                f"the reference finite-elements has no {type(condition).__name__} condition; take Dirichlet, Neumann or Robin"
            )
        for piece, component in itertools.product(condition.pieces(problem.domain), condition.about(problem)):
            facets, k = meshes.piece_facets(problem.domain, self._mesh, piece), problem.components.index(component)
            if type(condition) is Dirichlet:
                self._hold(facets, k, columns.get(f"value_{component}"))
                continue
            side = meshes.basis(self._mesh, facets)
            rows = slice(k * self._size, (k + 1) * self._size)
            for name in (f"flux_{component}", f"g_{component}"):
                if name in columns:
                    self._load[rows] += self._integral(side, columns[name])
            if f"a_{component}" in columns:
                factor = self._values(columns[f"a_{component}"], np.array(side.global_coordinates()))
                matrix = skfem.BilinearForm(lambda u, v, w, factor=factor: factor * u * v).assemble(side)
                unit = scipy.sparse.csr_array(([1.0], ([k], [k])), shape=(self._count, self._count))
                self._boundary = self._boundary + scipy.sparse.csr_array(scipy.sparse.kron(unit, matrix))

    def _hold(self, facets: np.ndarray, k: int, value: Callable[[Point], Any] | None) -> None:
        functions = self._basis.get_dofs(facets).all()
        values = np.zeros(len(functions)) if value is None else self._values(value, self._basis.doflocs[:, functions])
        self._held |= dict(zip((k * self._size + functions).tolist(), values.tolist(), strict=True))


def _component(function: Callable[[Point], Any], k: int, p: Point) -> Any:
    found = function(p)
    return found[k] if isinstance(found, (tuple, list)) else found
