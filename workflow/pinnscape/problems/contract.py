"""What every problem must keep to, checked on the problem alone: its methods are there, and each is a smooth function of a point by itself.

``form`` is checked wherever a problem is discretised; ``smoothness`` costs a little more. What takes losses is in ``validation``. Every fault is one line
that names file, class, method and remedy.
"""

import math
import sys
from collections.abc import Callable
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from pinnscape import memory
from pinnscape.differences import TOLERANCE, deviation
from pinnscape.errors import PinnscapeError, ProblemError
from pinnscape.jets import Jet, function_jet
from pinnscape.problems.base import Problem

FIELDS = ("exact", "lift", "distance")  # functions of x alone
_SIGNATURES = {"density": "density(self, x, u, du)", "exact": "exact(self, x)"}
_BATCHES = (13, 11)  # numbers of fields and points: sizes that components and dimensions do not have
_EQUAL = 1e-10  # what a value may change by when others are computed beside it: last digits alone
SMALL = 1e-8  # relative: boundary values agree to this


def fault(problem: Any, method: str, text: str) -> ProblemError:
    """An error in a method of a problem."""
    return ProblemError(f"{_file(type(problem))}: {type(problem).__name__}.{method}: {text}")


def _file(cls: type) -> str:
    path = getattr(sys.modules.get(cls.__module__), "__file__", None)
    if path is None:
        return cls.__module__
    found = Path(path).resolve()
    return str(found.relative_to(Path.cwd()) if found.is_relative_to(Path.cwd()) else found)


@contextmanager
def naming(problem: Any, method: str, remedy: str = "see the docstrings of pinnscape.problems.base"):
    """Whatever goes wrong inside is a fault of this method, unless it is memory that ran out.

    Raises:
        ProblemError: something did.
    """
    try:
        yield
    except PinnscapeError:
        raise
    except Exception as error:
        if memory.ran_out(error):
            raise
        said = str(error).strip().splitlines()
        raise fault(problem, method, f"{type(error).__name__}: {said[0] if said else 'no message'}; {remedy}") from error


def form(problem: Any, points: Tensor) -> None:
    """Check that a problem has what it must have, and that its methods give tensors of the right kind.

    Args:
        problem: any object.
        points: some of the points (n, d) at which it will be used.

    Raises:
        ProblemError: the first fault.
    """
    presence(problem)
    for name in FIELDS:
        _field(problem, name, points)
    _density(problem, points, *_along(problem, points))


def presence(problem: Any) -> None:
    """Check methods and attributes without calling anything.

    Raises:
        ProblemError: the first fault.
    """
    for name, signature in _SIGNATURES.items():
        method = getattr(problem, name, None)
        if getattr(method, "__func__", None) is getattr(Problem, name):
            raise fault(problem, name, f"is missing; define `def {signature}`")
        if not callable(method):
            raise fault(problem, name, f"is {method!r}; define a method `def {signature}`")
    dimension, components, scale = (getattr(problem, name, None) for name in ("dimension", "components", "scale"))
    if isinstance(dimension, bool) or dimension not in (1, 2, 3):
        raise fault(problem, "dimension", f"is {dimension!r}; must be 1, 2 or 3, the number of variables")
    names = list(components) if isinstance(components, (tuple, list)) else []
    if not names or not all(isinstance(name, str) and name for name in names) or len(set(names)) < len(names):
        raise fault(
            problem, "components", f'is {components!r}; must be a tuple with a name for each component of u, such as ("u",)'
        )
    if isinstance(scale, bool) or not isinstance(scale, (int, float)) or not 0.0 < scale < math.inf:
        raise fault(problem, "scale", f"is {scale!r}; must be a number above 0, the typical size of u - lift")


def _columns(problem: Any, name: str) -> int:
    return 1 if name == "distance" else len(problem.components)


class _SinglePrecision(TorchFunctionMode):
    """Finds the first operation that takes digits from a float64 tensor; constants of fewer digits are promoted and do no such harm."""

    found = ""

    def __torch_function__(self, func: Callable, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        result = func(*args, **(kwargs or {}))
        reduced = isinstance(result, Tensor) and result.is_floating_point() and result.dtype != torch.float64
        if reduced and not self.found and any(isinstance(a, Tensor) and a.ndim and a.dtype == torch.float64 for a in args):
            self.found = f"{str(result.dtype).removeprefix('torch.')} ({getattr(func, '__name__', func)})"
        return result


def _call(problem: Any, name: str, *arguments: Tensor, mode: Any = None) -> Any:
    kept = [argument.clone() for argument in arguments]
    with (
        naming(problem, name, "it gets tensors of float64; make others with dtype=x.dtype and device=x.device"),
        mode or nullcontext(),
    ):
        found = getattr(problem, name)(*arguments)
    if any(not torch.equal(a, b) for a, b in zip(arguments, kept, strict=True)):
        raise fault(problem, name, "changes its arguments in place; write `u = u + 1` in place of `u += 1`")
    return found


def _tensor(problem: Any, name: str, arguments: tuple[Tensor, ...], shape: tuple[int, ...], written: str) -> Tensor:
    """What a method gives, checked for type, shape, digits and device."""
    mode = _SinglePrecision()
    found = _call(problem, name, *arguments, mode=mode)
    if not isinstance(found, Tensor):
        raise fault(problem, name, f"gives {type(found).__name__}; must give a tensor {written}")
    if tuple(found.shape) != shape:
        given = ", ".join(f"{letter} {tuple(a.shape)}" for letter, a in zip(("x", "u", "du"), arguments, strict=False))
        hint = "; keep the axis of points with x[..., :1]" if name in FIELDS and found.ndim < len(shape) else ""
        hint = "; sum over components and variables alone, not over points, as in .sum((-2, -1))" if name == "density" else hint
        raise fault(problem, name, f"gives shape {tuple(found.shape)} for {given}; must be {written}, here {shape}{hint}")
    if mode.found or found.dtype != torch.float64:
        low = mode.found or str(found.dtype).removeprefix("torch.")
        raise fault(
            problem, name, f"computes in {low}; must compute in float64: leave out .float(), and give new tensors dtype=x.dtype"
        )
    if found.device != arguments[0].device:
        raise fault(problem, name, f"gives a tensor on {found.device} for points on {arguments[0].device}; use device=x.device")
    return found


def _field(problem: Any, name: str, x: Tensor) -> Tensor:
    columns = _columns(problem, name)
    return _tensor(problem, name, (x,), (len(x), columns), "(n, 1)" if name == "distance" else "(n, c)")


def _density(problem: Any, x: Tensor, u: Tensor, du: Tensor) -> Tensor:
    return _tensor(problem, "density", (x, u, du), tuple(u.shape[:-1]), "(..., n)")


def _along(problem: Any, x: Tensor) -> tuple[Tensor, Tensor]:
    """The exact solution (n, c) and its gradient (n, c, d) as data."""
    found = jet(problem, "exact", x)
    return found.value, found.gradient


def jet(problem: Any, name: str, points: Tensor) -> Jet:
    """The jet of a field of a problem at points (n, d).

    Raises:
        ProblemError: torch cannot differentiate it twice.
    """
    found = _field(problem, name, points)
    fresh = points.detach().clone().requires_grad_()
    with naming(problem, name, _DIFFERENTIABLE):
        differentiable = getattr(problem, name)(fresh).requires_grad
    if not differentiable and (found - found[:1]).abs().max() > 0.0:
        raise fault(problem, name, f"depends on x, but torch cannot differentiate it; {_DIFFERENTIABLE}")
    with naming(problem, name, _DIFFERENTIABLE):
        return function_jet(getattr(problem, name), points)


_DIFFERENTIABLE = (
    "write it with torch alone (torch.sin, torch.exp, ...), without numpy, .detach(), .item() or torch.tensor(...)"
)

OPERATIONS = (
    "an operation in it has wrong derivatives (as torch.linalg.det has) or does with symbols what it does not with tensors: write it out in arithmetic and "
    "functions of pinnscape.functions, and index x, u and du from the end"
)


def states(problem: Any, x: Tensor, count: int = _BATCHES[0], seed: int = 0) -> tuple[Tensor, Tensor]:
    """Fields near the exact solution at points (n, d): values (count, n, c) and gradients (count, n, c, d) where the energy exists.

    Raises:
        ProblemError: the energy does not exist at the exact solution.
    """
    value, slope = _along(problem, x)
    generator = torch.Generator().manual_seed(seed)
    change, turn = (torch.randn(count, *t.shape, generator=generator, dtype=x.dtype).to(x.device) for t in (value, slope))
    bad = x[~exists(problem, x, value, slope)]
    if len(bad):
        raise fault(
            problem, "exact", f"the energy does not exist at it{at(bad)}; exact, density and `inverted` do not fit together"
        )
    size = float(problem.scale)
    for _ in range(30):
        u, du = value + 0.1 * size * change, slope + 0.3 * size * turn
        if exists(problem, x, u, du).all():
            return u, du
        size *= 0.5
    raise fault(
        problem,
        "density",
        "is not finite close to the exact solution, at which it is finite; a problem needs room around its solution",
    )


def exists(problem: Any, x: Tensor, u: Tensor, du: Tensor) -> Tensor:
    """Where (..., n) the energy density is a number.

    Raises:
        ProblemError: ``inverted`` gives something else than a mask (..., n).
    """
    finite = _density(problem, x, u, du).isfinite()
    mask = _call(problem, "inverted", u, du)
    if mask is None:
        return finite
    if not isinstance(mask, Tensor) or mask.dtype != torch.bool or mask.shape != u.shape[:-1]:
        kind = f"{mask.dtype} {tuple(mask.shape)}" if isinstance(mask, Tensor) else type(mask).__name__
        raise fault(problem, "inverted", f"gives {kind}; must be None or bool (..., n), here {tuple(u.shape[:-1])}")
    return finite & ~mask


def at(points: Tensor) -> str:
    """Where something is, for messages."""
    return f" at x = ({', '.join(f'{value:.4g}' for value in points[0].tolist())})" if len(points) else ""


def interior(count: int, dimension: int, device: torch.device | str = "cpu", seed: int = 1) -> Tensor:
    """Random points (count, d), not close to the boundary."""
    generator = torch.Generator().manual_seed(seed)
    return (0.1 + 0.8 * torch.rand(count, dimension, generator=generator, dtype=torch.float64)).to(device)


def boundary(count: int, dimension: int, device: torch.device | str = "cpu") -> Tensor:
    """Random points (2 · d · count, d) on all faces of the unit cube, and its corners."""
    generator = torch.Generator().manual_seed(2)
    faces = []
    for axis in range(dimension):
        for side in (0.0, 1.0):
            points = torch.rand(count, dimension, generator=generator, dtype=torch.float64)
            points[:, axis] = side
            faces.append(points)
    corners = torch.cartesian_prod(*[torch.tensor([0.0, 1.0], dtype=torch.float64)] * dimension).reshape(-1, dimension)
    return torch.cat([*faces, corners]).to(device)


def pointwise(problem: Any, device: torch.device | str = "cpu") -> None:
    """Check that every value depends on its own point alone, whatever is computed with it, and is the same each time.

    Raises:
        ProblemError: the first fault.
    """
    fields, n = _BATCHES
    x = interior(n, problem.dimension, device)
    for name in FIELDS:
        _alone(problem, name, _field(problem, name, x), [_field(problem, name, x[i : i + 1]) for i in range(n)], 0)
        _same(problem, name, _field(problem, name, x), _field(problem, name, x))
    u, du = states(problem, x)
    together = _density(problem, x, u, du)
    _same(problem, "density", together, _density(problem, x, u, du))
    _alone(problem, "density", together, [_density(problem, x, u[k], du[k])[None] for k in range(fields)], 0)
    single = [_density(problem, x[i : i + 1], u[:, i : i + 1], du[:, i : i + 1]) for i in range(n)]
    _alone(problem, "density", together, single, 1)
    exists(problem, x[:1], u[:, :1], du[:, :1])


def _alone(problem: Any, name: str, together: Tensor, single: list[Tensor], axis: int) -> None:
    apart = torch.cat(single, axis)
    gap = float((together - apart).abs().max())
    if not gap <= _EQUAL * float(apart.abs().max()):
        others = "fields" if name == "density" and axis == 0 else "points"
        raise fault(
            problem, name,
            f"a value changes by {gap:.1e} with the other {others} that are computed with it; each must depend on its own x, u and du alone: "
            "index from the end (u[..., 0]), and take no sum, mean, maximum or random number over points",
        )  # fmt: skip


def _same(problem: Any, name: str, one: Tensor, other: Tensor) -> None:
    gap = float((one - other).abs().max())
    if not gap <= _EQUAL * float(one.abs().max()):
        raise fault(
            problem, name, f"gives other numbers when called again (by {gap:.1e}); it must not be random or keep a state"
        )


def differentiability(problem: Any, device: torch.device | str = "cpu") -> dict[str, float]:
    """Check torch's derivatives of every method against central differences.

    Returns:
        The deviation of each derivative, relative to its largest entry.

    Raises:
        ProblemError: a derivative is wrong.
    """
    x = interior(_BATCHES[1], problem.dimension, device)
    found: dict[str, float] = {}
    for name in FIELDS:
        found |= _derivatives(problem, name, x)
    _determined(problem, interior(200, problem.dimension, device))
    return found | {"density_slope": _energy_slope(problem, x)}


def _determined(problem: Any, x: Tensor) -> None:
    """The energy depends on the field at every point."""
    u, du = states(problem, x, 3)
    values = _density(problem, x, u, du)
    free = (values == values[:1]).all(0)
    if free.any():
        raise fault(
            problem, "density",
            f"depends neither on u nor on du{at(x[free])}, so that nothing determines u there; it must be the energy density on the whole unit cube: other "
            "domains cannot be had by a mask",
        )  # fmt: skip


def _derivatives(problem: Any, name: str, x: Tensor) -> dict[str, float]:
    here = jet(problem, name, x)
    direction = torch.linspace(1.0, 0.6, problem.dimension, dtype=x.dtype, device=x.device)
    size = float(here.value.abs().max())
    found = {}
    for order, claimed, curve in (
        ("first", here.gradient @ direction, lambda t: getattr(problem, name)(x + t * direction)),
        ("second", here.hessian @ direction, lambda t: jet(problem, name, x + t * direction).gradient),
    ):
        off = deviation(curve, claimed, 1e-6 * size)
        if not off <= TOLERANCE:
            raise fault(
                problem, name,
                f"its {order} derivatives by torch are off by {off:.1e} (relative to central differences); it must be smooth; {_DIFFERENTIABLE}",
            )  # fmt: skip
        found[f"{name}_{order}"] = off
    return found


def _energy_slope(problem: Any, x: Tensor) -> float:
    u, du = (t[0] for t in states(problem, x, 1))
    along_u, along_du = (t[0] - s for t, s in zip(states(problem, x, 1, seed=3), _along(problem, x), strict=True))
    slopes = energy_slopes(problem, x, u, du)
    claimed = (slopes[0] * along_u).sum(-1) + (slopes[1] * along_du).sum((-2, -1))
    off = deviation(lambda t: problem.density(x, u + t * along_u, du + t * along_du), claimed)
    if not off <= TOLERANCE:
        raise fault(
            problem, "density",
            f"its first derivatives by torch are off by {off:.1e} (relative to central differences); it must be smooth, written with arithmetic "
            "and functions of pinnscape.functions, without numpy or .detach()",
        )  # fmt: skip
    return off


def energy_slopes(problem: Any, x: Tensor, u: Tensor, du: Tensor) -> tuple[Tensor, Tensor]:
    """∂e/∂u (n, c) and ∂e/∂∇u (n, c, d) by reverse differentiation."""
    u, du = u.detach().requires_grad_(), du.detach().requires_grad_()
    with torch.enable_grad(), naming(problem, "density", "it must be differentiable by torch: no numpy, .detach() or .item()"):
        total = problem.density(x, u, du).sum()
        if not total.requires_grad:
            return torch.zeros_like(u), torch.zeros_like(du)
        first, second = torch.autograd.grad(total, (u, du), materialize_grads=True)
    return first, second


def conditions(problem: Any, device: torch.device | str = "cpu") -> dict[str, float]:
    """Check boundary values: the exact solution has those of the lift, the distance vanishes there and nowhere else.

    Returns:
        The largest difference of exact and lift on the boundary, and the largest distance there, relative to their sizes inside.

    Raises:
        ProblemError: they do not fit.
    """
    edge, inside = boundary(24, problem.dimension, device), interior(200, problem.dimension, device)
    values = {name: (_field(problem, name, edge), _field(problem, name, inside)) for name in FIELDS}
    for name, (there, here) in values.items():
        for points, found in ((edge, there), (inside, here)):
            bad = ~found.isfinite().all(-1)
            if bad.any():
                raise fault(problem, name, f"is not finite{at(points[bad])}")
    exact, lift, distance = (values[name] for name in FIELDS)
    largest = float(distance[1].abs().max())
    zero = distance[1].abs()[:, 0] <= SMALL * largest
    if zero.any():
        raise fault(
            problem,
            "distance",
            f"vanishes inside{at(inside[zero])}; it must do so on the boundary alone: the network is multiplied by it",
        )
    far = distance[0].abs()[:, 0]
    if far.max() > SMALL * largest:
        raise fault(
            problem, "distance",
            f"is {float(far.max()):.3g}{at(edge[far.argmax()][None])}, on the boundary; it must vanish there: u = lift on the whole boundary",
        )  # fmt: skip
    gap = (exact[0] - lift[0]).abs().amax(-1)
    size = max(float(t.abs().max()) for t in (*exact, *lift))
    if gap.max() > SMALL * size:
        raise fault(
            problem, "exact",
            f"differs from the lift by {float(gap.max()):.3g}{at(edge[gap.argmax()][None])}, on the boundary; override `lift` with the boundary values",
        )  # fmt: skip
    return {
        "exact_boundary": float(gap.max()) / size if size else 0.0,
        "distance_boundary": float(far.max()) / largest,
    }
