"""Planes and lines on the device."""

import numpy as np
import pytest
import torch
from cases import initial, small
from gpu.agreement import close
from settings_cases import model

from pinnscape.files.pieces import compute
from pinnscape.landscape.axes import centred_axis, plane_coordinates
from pinnscape.landscape.described import SURFACE
from pinnscape.landscape.evaluation import SliceEvaluation
from pinnscape.landscape.surfaces import Slice, evaluate
from pinnscape.losses.model import discretization


def section(device: torch.device | str, problem: str = "poisson2d", directions: int = 2) -> Slice:
    """Through the initial point, along random directions."""
    theta = initial(small(problem))
    rows = torch.randn(directions, len(theta), generator=torch.Generator().manual_seed(2), dtype=theta.dtype)
    return Slice(small(problem, device=device), theta.to(device), 0.3 * rows.to(device))


@pytest.mark.parametrize("problem", ["poisson2d", "neo_hookean2d"])
def test_a_plain_plane_is_that_of_the_cpu(problem, device) -> None:
    alpha = centred_axis(4.0 if problem == "neo_hookean2d" else 1.0, 7)  # as far as some bodies are inverted
    points = plane_coordinates(alpha, alpha)
    found, expected = (section(place, problem).measure(points) for place in (device, "cpu"))
    assert set(found) == set(expected)
    for name, values in expected.items():
        close(found[name], values, 1e-11)
    assert np.isnan(expected["deep-ritz"]).any() == (problem == "neo_hookean2d")


@pytest.mark.parametrize("directions", [2, 1])
def test_a_spectral_surface_is_that_of_the_cpu(directions, device) -> None:
    alpha = centred_axis(1.0, 5)
    if directions == 2:
        axes, points = {name: SURFACE.variable(name, alpha) for name in ("alpha", "beta")}, plane_coordinates(alpha, alpha)
    else:
        axes, points = {"line": ("line", [0], {}), "alpha": SURFACE.variable("alpha", alpha)}, alpha[None, :, None]
    (found, variables, method), (expected, theirs, reference) = (
        evaluation.measured(compute(evaluation.pieces()))
        for evaluation in (
            SliceEvaluation(section(place, directions=directions), axes, points, 1e-3, 0) for place in (device, "cpu")
        )
    )
    assert method == reference == {"method": "chebyshev"}
    for name, values in expected.items():
        close(found[name], values, 1e-10)
    close(variables["coefficient"][1], theirs["coefficient"][1], 1e-10)


def test_a_gpu_takes_as_many_points_at_a_time_as_the_memory_allows_for(device) -> None:
    sizes = [discretization(model(), str(device), memory=m).batch for m in (100.0, 1.0, 0.01)]
    (group,) = small("poisson2d").assembly.groups
    each = group.bytes_a_point(group.streams) * 64 / 1e6
    assert sizes == [int(100.0 / each), int(1.0 / each), 1]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU whose memory could run out")
def test_where_the_memory_of_the_gpu_runs_out_chunks_are_smaller(device) -> None:
    made = section(device)
    total = torch.cuda.get_device_properties(device).total_memory
    sizes: list[int] = []

    def greedy(thetas: torch.Tensor) -> dict[str, torch.Tensor]:
        room = torch.empty(len(thetas) * total // 20, dtype=torch.uint8, device=device)  # 5 % of the memory for each point
        sizes.append(len(thetas))
        return {"loss": made.discretization.measure(thetas)["deep-ritz"] + 0.0 * room[0]}

    points = np.random.default_rng(0).standard_normal((40, 2))
    found = evaluate(greedy, made.origin, made.directions, points, 40)["loss"]
    assert max(sizes) < 20
    assert sum(sizes) == 40
    close(found, made.measure(points)["deep-ritz"])
