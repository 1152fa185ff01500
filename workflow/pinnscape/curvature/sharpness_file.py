"""sharpness.nc: sharpness of every loss at the trained points of a problem."""

from typing import Protocol

import torch
import xarray as xr
from torch import Tensor

from pinnscape.config.sections import EigensolverSettings
from pinnscape.curvature import sharpness
from pinnscape.files.description import File, Variable
from pinnscape.files.dimensions import CHECKPOINT, LOSS, OF_RUNS, RUN
from pinnscape.losses.objective import Objective
from pinnscape.networks.layout import Layout
from pinnscape.training.runs import Run, Runs

_STREAM = 11  # offset of the seeds of the random starts
_NAMES = {
    "gap": "excess of the loss over that of the exact solution",
    "lambda_max": "largest eigenvalue of the Hessian, NaN where it is not verified",
    "lambda_max_at_least": "lower bound on the largest eigenvalue of the Hessian",
    "lambda_max_filter": "largest eigenvalue of the Hessian in units of the filters, NaN where it is not verified",
    "lambda_max_filter_at_least": "lower bound on the largest eigenvalue of the Hessian in units of the filters",
    "trace": "trace of the Hessian; above dense_limit parameters an estimate by Hutch++",
    "trace_error": "standard error of the trace if it is an estimate, else 0",
    "converged": "1 if both largest eigenvalues are verified, else 0",
    "box_increase": "largest increase of the loss within the box",
    "epsilon_sharpness": "largest increase within the box, in percent of 1 + gap",
    "box_undefined": "share of the evaluated points of the box at which the loss does not exist",
    "sam_first_order": "increase of the loss over one gradient step whose length is the radius of the ball",
    "sam_sharpness": "largest increase of the loss within the ball",
    "adaptive_sharpness": "largest increase of the loss within the ball in units of the filters",
}
FILE = File(
    "sharpness.nc",
    {name: Variable((*RUN, "checkpoint", "loss"), text) for name, text in _NAMES.items()},
    {**OF_RUNS, **CHECKPOINT, **LOSS},
    "The attributes `epsilon`, `radius` and `adaptive_radius` are the sizes of the box and of the two balls.",
)


class Settings(Protocol):
    """Settings of the neighbourhoods, the ascents and the curvature; see ``techniques.sharpness``."""

    checkpoints: tuple[str, ...]
    epsilon: float
    radius: float
    adaptive_radius: float
    starts: int
    iterations: int
    eigensolver: EigensolverSettings
    trace_products: int


def dataset(runs: Runs, settings: Settings) -> xr.Dataset:
    """Sharpness of each loss at each trained point.

    Args:
        runs: all runs of a problem.
        settings: settings of the neighbourhoods, the ascents and the curvature.

    Returns:
        Variables over (trained_on, seed, checkpoint, loss).
    """

    def measure(run: Run) -> xr.Dataset:
        rows = [
            [numbers(runs.objective(loss), runs.tensor(run.theta(c)), run.layout, settings, run.seed) for loss in runs.losses]
            for c in settings.checkpoints
        ]
        values = {name: [[found[name] for found in row] for row in rows] for name in _NAMES}
        coordinates = {"checkpoint": list(settings.checkpoints), "loss": list(runs.losses)}
        return FILE.dataset(values | coordinates, outside=RUN)

    attributes = {name: getattr(settings, name) for name in ("epsilon", "radius", "adaptive_radius")}
    return FILE.described(runs.collect(measure).assign_attrs(attributes))


def numbers(objective: Objective, theta: Tensor, layout: Layout, settings: Settings, seed: int) -> dict[str, float]:
    """All measures of the sharpness of one loss at theta (P,), by the names of the variables."""
    scale, ones = sharpness.filter_scale(theta, layout), torch.ones_like(theta)
    curvature = sharpness.curvature(objective, theta, scale, settings.trace_products, settings.eigensolver, seed)
    generator = torch.Generator().manual_seed(1000 * seed + _STREAM)
    random = torch.randn(settings.starts, theta.numel(), generator=generator, dtype=theta.dtype).to(theta)

    def starts(direction: Tensor) -> Tensor:
        return torch.cat([direction.unsqueeze(0), -direction.unsqueeze(0), random])

    iterations, gap = settings.iterations, float(objective.loss(theta)) - objective.minimum
    box = sharpness.box(objective, theta, settings.epsilon, starts(curvature.direction), iterations)
    ball = sharpness.ball(objective, theta, settings.radius, ones, starts(curvature.direction), iterations)
    adaptive = sharpness.ball(objective, theta, settings.adaptive_radius, scale, starts(curvature.direction_filter), iterations)
    return {
        "gap": gap,
        "lambda_max": curvature.lambda_max,
        "lambda_max_at_least": curvature.at_least,
        "lambda_max_filter": curvature.lambda_max_filter,
        "lambda_max_filter_at_least": curvature.at_least_filter,
        "trace": curvature.trace,
        "trace_error": curvature.trace_error,
        "converged": float(curvature.converged),
        "box_increase": box.value,
        "epsilon_sharpness": sharpness.relative(box.value, gap),
        "box_undefined": box.undefined,
        "sam_first_order": sharpness.first_order(objective, theta, settings.radius),
        "sam_sharpness": ball.value,
        "adaptive_sharpness": adaptive.value,
    }
