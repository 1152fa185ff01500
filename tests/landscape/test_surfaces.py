"""Surfaces against a plain loop: one network for each grid point, differentiated by nested reverse mode."""

import math
import os
import subprocess
import sys
from functools import cache

import numpy as np
import pytest
import torch
from cases import PROBLEMS, initial, small
from torch.utils._python_dispatch import TorchDispatchMode

from pinnscape.common.formulations import FORMULATIONS
from pinnscape.landscape import surfaces
from pinnscape.landscape.axes import centred_axis, plane_coordinates
from pinnscape.losses.objective import tensor

ALPHA, BETA = centred_axis(0.8, 5), centred_axis(0.3, 3)  # not square, not equal


def plane(problem: str, size: float = 1.0, seed: int = 0):
    """A discretisation, a point and two directions."""
    discretized = small(problem)
    rng = np.random.default_rng(seed)
    origin = initial(discretized, seed)
    return discretized, origin, tensor(size * rng.standard_normal((2, len(origin))))


@cache
def surface(problem: str, chunk: int = 4, size: float = 1.0) -> dict[str, np.ndarray]:
    discretized, origin, rows = plane(problem, size)
    return surfaces.evaluate(discretized.measure, origin, rows, plane_coordinates(ALPHA, BETA), chunk)


# ---- the loop ----


def network(theta: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """2 → 4 → 4 → 1 with tanh, at one point after the other: (n,)."""
    values = []
    for point in x:
        hidden = torch.tanh(theta[0:8].reshape(4, 2) @ point + theta[8:12])
        hidden = torch.tanh(theta[12:28].reshape(4, 4) @ hidden + theta[28:32])
        values.append(theta[32:36] @ hidden + theta[36])
    return torch.stack(values)


def poisson_by_hand(theta: torch.Tensor) -> dict[str, float]:
    """Losses and errors of -Δu = 2π² sin πx sin πy with u = 16 x (1 - x) y (1 - y) N."""
    nodes, weights = np.polynomial.legendre.leggauss(8)
    x = tensor([[(a + 1) / 2, (b + 1) / 2] for a in nodes for b in nodes]).requires_grad_()
    w = tensor([a * b / 4 for a in weights for b in weights])
    u = 16.0 * (x * (1.0 - x)).prod(1) * network(theta, x)
    (slope,) = torch.autograd.grad(u.sum(), x, create_graph=True)
    laplacian = sum(torch.autograd.grad(slope[:, i].sum(), x, create_graph=True)[0][:, i] for i in (0, 1))
    exact = torch.sin(math.pi * x).prod(1)
    (exact_slope,) = torch.autograd.grad(exact.sum(), x)
    load = 2.0 * math.pi**2 * exact
    misfit, slopes = w @ (u - exact) ** 2, w @ ((slope - exact_slope) ** 2).sum(1)
    energy = w @ (0.5 * (slope**2).sum(1) - load * u)
    found = {
        "deep-ritz": energy,
        "strong-form": w @ (laplacian + load) ** 2,
        "supervised": misfit,
        "energy_gap": energy - w @ (0.5 * (exact_slope**2).sum(1) - load * exact),
        "l2_error": (misfit / (w @ exact**2)).sqrt(),
        "h1_error": ((misfit + slopes) / (w @ (exact**2 + (exact_slope**2).sum(1)))).sqrt(),
    }
    return {name: value.item() for name, value in found.items()}


@cache
def surface_by_hand() -> dict[str, np.ndarray]:
    _, origin, rows = plane("poisson2d")
    cells = [[poisson_by_hand(origin + a * rows[0] + b * rows[1]) for b in BETA] for a in ALPHA]
    return {name: np.array([[cell[name] for cell in line] for line in cells]) for name in cells[0][0]}


@pytest.mark.parametrize("name", [*FORMULATIONS, "energy_gap", "l2_error", "h1_error"])
def test_a_surface_is_that_of_a_loop_over_networks(name):
    found, expected = surface("poisson2d")[name], surface_by_hand()[name]
    assert found.shape == (5, 3)
    np.testing.assert_allclose(found, expected, rtol=1e-10)


# ---- where points lie ----


@pytest.mark.parametrize("problem", PROBLEMS)
@pytest.mark.parametrize("formulation", FORMULATIONS)
def test_a_cell_holds_the_loss_at_its_coordinates(problem, formulation):
    discretized, origin, rows = plane(problem, 0.1)
    found, objective = surface(problem, size=0.1)[formulation], discretized.objective(formulation)
    for i, j in [(0, 0), (4, 0), (0, 2), (3, 1)]:
        value = float(objective.loss(origin + float(ALPHA[i]) * rows[0] + float(BETA[j]) * rows[1]))
        assert found[i, j] == pytest.approx(value, rel=1e-10)
    assert found[2, 1] == pytest.approx(float(objective.loss(origin)), rel=1e-12)  # the point itself
    assert len(np.unique(found)) == found.size


def test_a_quadratic_surface_has_its_closed_form():
    origin, rows = tensor([1.0, 2.0, 3.0]), tensor([[1.0, 0.0, 0.0], [0.0, 2.0, 0.0]])
    found = surfaces.evaluate(lambda t: {"loss": (t * t).sum(-1)}, origin, rows, plane_coordinates(ALPHA, BETA), 2)["loss"]
    expected = (1 + ALPHA[:, None]) ** 2 + (2 + 2 * BETA) ** 2 + 9
    np.testing.assert_allclose(found, expected, rtol=1e-14)


def test_lines_and_single_points_keep_their_shape():
    origin, rows = tensor([1.0, 2.0]), tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    coordinates = np.random.default_rng(0).standard_normal((4, 7, 3))
    found = surfaces.evaluate(lambda t: {"x": t[..., 0], "y": t[..., 1] > 2}, origin, rows, coordinates, 5)
    np.testing.assert_allclose(found["x"], 1 + coordinates[..., 0] + coordinates[..., 2])
    np.testing.assert_array_equal(found["y"], coordinates[..., 1] + coordinates[..., 2] > 0)


@pytest.mark.parametrize("problem", PROBLEMS)
@pytest.mark.parametrize("chunk", [1, 7, 15, 1000])
def test_the_size_of_a_chunk_does_not_matter(problem, chunk):
    found, expected = surface(problem, chunk, 0.1), surface(problem, 4, 0.1)
    assert set(found) == {*FORMULATIONS, "energy_gap", "l2_error", "h1_error", "infeasible"}
    for name in set(found) - {"energy_gap", "infeasible"}:
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-12)


def test_the_point_and_the_directions_are_left_as_they_were():
    discretized, origin, rows = plane("poisson2d")
    before = origin.clone(), rows.clone()
    surfaces.evaluate(discretized.measure, origin, rows, plane_coordinates(ALPHA, BETA), 4)
    assert torch.equal(origin, before[0])
    assert torch.equal(rows, before[1])


# ---- where the energy does not exist ----


def jacobian_by_differences(theta: torch.Tensor) -> np.ndarray:
    """det(I + ∇u) at the quadrature points by central differences."""
    discretized, step = small("neo_hookean2d"), 1e-5
    x = tensor(discretized.assembly.terms["deep-ritz/interior"].points.points[0])
    slope = []
    for i in (0, 1):
        shift = torch.zeros(2, dtype=torch.float64)
        shift[i] = step
        slope.append((discretized.at(theta, x + shift) - discretized.at(theta, x - shift)) / (2 * step))
    (a, c), (b, d) = ((s[:, 0], s[:, 1]) for s in slope)
    return ((1 + a) * (1 + d) - b * c).numpy()


def test_losses_are_missing_exactly_where_a_body_is_turned_inside_out():
    found = surface("neo_hookean2d", size=3.0)
    _, origin, rows = plane("neo_hookean2d", 3.0)
    lowest = np.array([[jacobian_by_differences(origin + a * rows[0] + b * rows[1]).min() for b in BETA] for a in ALPHA])
    assert (np.abs(lowest) > 1e-6).all()
    np.testing.assert_array_equal(found["infeasible"], lowest < 0)
    assert found["infeasible"].any()
    assert not found["infeasible"].all()
    for name in ("deep-ritz", "strong-form", "energy_gap"):
        np.testing.assert_array_equal(np.isnan(found[name]), found["infeasible"])
    for name in ("supervised", "l2_error", "h1_error"):
        assert np.isfinite(found[name]).all()


@pytest.mark.parametrize("problem", ["poisson1d", "poisson2d", "semilinear2d"])
def test_other_problems_have_losses_everywhere(problem):
    found = surface(problem, size=30.0)
    assert not found["infeasible"].any()
    assert all(np.isfinite(found[name]).all() for name in FORMULATIONS)


def test_what_overflows_is_missing_and_flags_stay_flags():
    points = np.array([-1.0, 0.0, 1.0])[:, None]
    found = surfaces.evaluate(
        lambda t: {"up": (2000 * t[:, 0]).exp(), "down": -(2000 * t[:, 0]).exp(), "flag": t[:, 0] > 0},
        tensor([0.0]),
        tensor([[1.0]]),
        points,
        2,
    )
    np.testing.assert_array_equal(found["up"], [0.0, 1.0, np.nan])
    np.testing.assert_array_equal(found["down"], [-0.0, -1.0, np.nan])
    assert found["flag"].dtype == bool
    np.testing.assert_array_equal(found["flag"], [False, False, True])


def test_chunks_are_small_enough_for_a_cache_and_never_empty():
    assert small("poisson2d", width=20, points=20).batch == 4_000_000 // (8 * 4 * 400 * 20)
    assert small("neo_hookean2d", width=20, points=20).batch == 4_000_000 // (8 * 6 * 400 * 20)
    assert small("poisson2d", width=200, points=60).batch == 1


# ---- memory ----


def short_of_memory(measure, most: int, error: Exception):
    """``measure`` on a machine whose memory suffices for ``most`` points."""
    sizes = []

    def limited(theta):
        sizes.append(len(theta))
        if len(theta) > most:
            raise error
        return measure(theta)

    return limited, sizes


OUT_OF_MEMORY = [
    MemoryError("std::bad_alloc"),
    RuntimeError(
        "[enforce fail at alloc_cpu.cpp:124] err == 0. DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes."
    ),
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
]


# Torch computes a chunk by batched matrix products and vectorised functions; BLAS and vector libraries promise no equal bytes.
ROUNDING = {"rtol": 1e-12, "atol": 1e-15}


@pytest.mark.parametrize("error", OUT_OF_MEMORY, ids=lambda error: type(error).__name__)
def test_where_memory_is_short_chunks_are_smaller(error):
    discretized, origin, rows = plane("poisson2d")
    points = plane_coordinates(ALPHA, BETA)
    limited, sizes = short_of_memory(discretized.measure, 3, error)
    found = surfaces.evaluate(limited, origin, rows, points, 15)
    assert sizes == [15, 8, 4, 2, 2, 2, 2, 2, 2, 2, 1]
    for name, values in found.items():
        np.testing.assert_allclose(values, surface("poisson2d", 15)[name], **ROUNDING)


@pytest.mark.parametrize("problem", PROBLEMS)
@pytest.mark.parametrize("chunk", [1, 2, 3, 7, 14])
def test_a_result_does_not_depend_on_the_other_points_of_its_chunk(problem, chunk):
    found, expected = surface(problem, chunk, 0.1), surface(problem, 1000, 0.1)
    for name in expected:
        np.testing.assert_allclose(found[name], expected[name], **ROUNDING)


@pytest.mark.parametrize("size", [3, 37, 2241])
@pytest.mark.parametrize("count", [1, 2, 5, 16])
def test_parameters_of_a_point_have_the_same_bytes_in_any_chunk(size, count):
    rng = np.random.default_rng(size)
    origin, rows, coordinates = (tensor(rng.standard_normal(shape)) for shape in ((size,), (count, size), (65, count)))
    together = surfaces.parameters(origin, rows, coordinates)
    for m in (1, 2, 3, 4, 7, 64):
        apart = torch.cat([surfaces.parameters(origin, rows, block) for block in coordinates.split(m)])
        assert apart.numpy().tobytes() == together.numpy().tobytes()
    np.testing.assert_allclose(together, origin + coordinates @ rows, rtol=1e-12, atol=1e-13)


class Products(TorchDispatchMode):
    """Records the matrix products: the number of matrices of batched ones, 1 for others."""

    def __init__(self) -> None:
        super().__init__()
        self.counts: set[int] = set()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name = func.overloadpacket.__name__
        if name in ("mm", "addmm", "mv", "addmv", "dot", "vdot", "addbmm", "baddbmm", "bmm"):
            self.counts.add(len(args[0]) if name == "bmm" else 1)
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("problem", PROBLEMS)
def test_no_matrix_product_runs_over_the_points_of_a_surface(problem):
    discretized, origin, rows = plane(problem)
    discretized.measure(origin)  # what is computed once and kept, such as the norms of the exact solution
    with Products() as found:
        surfaces.evaluate(discretized.measure, origin, rows, plane_coordinates(ALPHA, BETA), 15)
    assert found.counts == {15}  # one matrix for each of the 15 points


@pytest.mark.parametrize("error", OUT_OF_MEMORY, ids=lambda error: type(error).__name__)
def test_memory_that_does_not_suffice_for_the_smallest_chunk_is_an_error(error):
    discretized, origin, rows = plane("poisson2d")
    limited, sizes = short_of_memory(discretized.measure, 0, error)
    with pytest.raises(type(error)) as caught:
        surfaces.evaluate(limited, origin, rows, plane_coordinates(ALPHA, BETA), 15)
    assert caught.value is error
    assert sizes == [15, 8, 4, 2, 1]


def test_other_errors_of_a_measurement_are_not_tried_again():
    discretized, origin, rows = plane("poisson2d")
    limited, sizes = short_of_memory(discretized.measure, 3, RuntimeError("The size of tensor a must match"))
    with pytest.raises(RuntimeError, match="size of tensor"):
        surfaces.evaluate(limited, origin, rows, plane_coordinates(ALPHA, BETA), 15)
    assert sizes == [15]


LIMITED = """
import resource, sys
sys.path[:0] = {path!r}
import numpy as np
from cases import initial, small
from pinnscape.landscape import surfaces
from pinnscape.losses.objective import tensor

discretized = small("poisson2d", width=20, points=40)
origin, rng = initial(discretized), np.random.default_rng(0)
rows, points = tensor(rng.standard_normal((2, len(origin)))), rng.standard_normal((64, 2))
surfaces.evaluate(discretized.measure, origin, rows, points[:2], 2)
expected = surfaces.evaluate(discretized.measure, origin, rows, points, 8)
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + 60_000_000, -1))
try:
    discretized.measure(origin + tensor(points) @ rows)
except (MemoryError, RuntimeError) as error:
    assert "memory" in str(error), error
else:
    sys.exit("the limit is too generous")
found = surfaces.evaluate(discretized.measure, origin, rows, points, 64)
for name in expected:
    np.testing.assert_allclose(found[name], expected[name], rtol=1e-12, atol=1e-15)
print("same results")
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits of address space are a matter of Linux")
def test_a_limit_of_memory_changes_no_result():
    program = LIMITED.format(path=sys.path)
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, env=environment)
    assert done.stdout == "same results\n", done.stderr
