"""Benchmarks without another package: equations in plain torch, the machine's limit, how times grow, memory, and the overhead of the workflow."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from statistics import median

import numpy as np
import torch
from benchmarks import ours
from benchmarks.client import FOLDER, ONE_THREAD
from benchmarks.equations import equations
from benchmarks.rows import NAN, Row, slope
from benchmarks.worker import Job, timed

from pinnscape.losses.objective import tensor

PROJECT = FOLDER.parent
EVALUATIONS = 128  # parameter vectors of a timing
CHUNKS = (1, 2, 4, 8, 16)
WIDTHS = (21, 46, 70, 128, 222)  # with three hidden layers: 10³ … 10⁵ parameters
POINTS = (12, 24, 48, 96)
GRIDS = (11, 21, 31)
LINEAR = "<= 1.2"


def seconds(job: Job, repeats: int) -> float:
    """Median seconds of a job, after a call that does not count."""
    job()
    return median(timed(job)[0] for _ in range(repeats))


# ---- the machine's limit ----


def bare(points: int, width: int, depth: int, thetas: int) -> Callable[[], None]:
    """Matrix products and tanh alone, of a forward pass with value, gradient and Laplacian in two dimensions, into memory that is there."""
    random = torch.Generator().manual_seed(0)

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(thetas, *shape, dtype=torch.float64, generator=random)

    x, first, hidden, last = normal(points, 2), normal(2, width), normal(width, width), normal(width, 1)
    z, streams, out, end = normal(points, width), normal(4 * points, width), normal(4 * points, width), normal(4 * points, 1)
    value = torch.empty_like(z)

    def forward() -> None:
        torch.bmm(x, first, out=z)
        torch.tanh(z, out=value)
        for _ in range(depth - 1):
            torch.bmm(streams, hidden, out=out)
            torch.tanh(out[:, :points], out=value)
        torch.bmm(streams, last, out=end)

    return forward


def limit(repeats: int) -> Iterator[Row]:
    """Time of a point of a surface against that of its matrix products and tanh."""
    n, width, depth = ours.POINTS**2, ours.WIDTH, ours.DEPTH
    jobs = {chunk: bare(n, width, depth, chunk) for chunk in CHUNKS}

    def fastest() -> float:
        return min(_repeated(job, EVALUATIONS // chunk) / (EVALUATIONS // chunk * chunk) for chunk, job in jobs.items())

    surface = _surface(ours.trained(), EVALUATIONS)
    surface()
    fastest()
    pairs = [(timed(surface)[0] / EVALUATIONS, fastest()) for _ in range(repeats)]
    mine, bound = median(a for a, _ in pairs), median(b for _, b in pairs)
    note = "matrix products and tanh alone, of the same shapes; 0.67 is within 1.5 times the limit"
    yield Row("a point of a surface", mine, "limit", torch.__version__, bound, bound / mine, ">= 0.67", note=note)


def _repeated(job: Callable[[], None], times: int) -> float:
    begin = time.perf_counter()
    for _ in range(times):
        job()
    return time.perf_counter() - begin


def _surface(theta: np.ndarray, count: int, **shape: int) -> Job:
    """The strong form and all else at ``count`` points of a line through theta."""
    direction = np.random.default_rng(0).standard_normal(theta.shape)
    return ours.grid(theta, direction[None], np.linspace(-0.1, 0.1, count)[:, None], **shape)


# ---- growth ----


def growth(repeats: int) -> Iterator[Row]:
    """Exponents of time against what there is more of."""
    networks = {width: ours.discretized(width=width).network for width in WIDTHS}
    sizes = [network.size for network in networks.values()]
    thetas = {width: network.initial("glorot", 0) for width, network in networks.items()}
    yield _growth("a surface", "parameters", sizes, [_surface(t, 4, width=w) for w, t in thetas.items()], repeats)
    yield _growth("a Hessian product", "parameters", sizes, [_product(w, t) for w, t in thetas.items()], repeats)
    points = [n**2 for n in POINTS]
    yield _growth("a surface", "points", points, [_surface(ours.trained(), 8, points=n) for n in POINTS], repeats)
    grids = [n**2 for n in GRIDS]
    yield _growth("a surface", "grid size", grids, [_surface(ours.trained(), n) for n in grids], repeats)


def _product(width: int, theta: np.ndarray) -> Job:
    objective, at = ours.objective(width=width), tensor(theta)
    vector = torch.ones_like(at)[None]
    return lambda: {"product": objective.hessian_product(at, vector).numpy()}


def _growth(what: str, variable: str, sizes: Sequence[int], jobs: Sequence[Job], repeats: int) -> Row:
    times = [seconds(job, repeats) for job in jobs]
    note = f"{variable} {sizes[0]} … {sizes[-1]}; seconds of the largest"
    return Row(f"{what} against {variable}", times[-1], "slope", "", NAN, slope(sizes, times), LINEAR, note=note)


# ---- memory and overhead ----


def memory(_: int) -> Iterator[Row]:
    """Peak memory of a large surface."""
    command = [sys.executable, str(Path(__file__).with_name("memory.py"))]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env={**os.environ, **ONE_THREAD})
    gigabytes, evaluated, total, parameters, points = map(float, done.stdout.split())
    note = f"GB; {parameters:.0f} parameters, {points:.0f} points; {evaluated:.0f} of {total:.0f} evaluated, memory for all"
    yield Row("surface 201×201, peak memory", NAN, "memory", "", NAN, gigabytes, "<= 2", note=note)


def overhead(repeats: int) -> Iterator[Row]:
    """What Snakemake itself takes for the default study."""
    command = [sys.executable, "-m", "snakemake", "--dry-run", "--forceall", "--cores", "1"]
    taken = []
    for _ in range(min(repeats, 3)):
        begin = time.perf_counter()
        done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=PROJECT)
        taken.append(time.perf_counter() - begin)
    jobs = re.findall(r"^total\s+(\d+)", done.stdout, re.MULTILINE)[0]
    note = f"seconds of `snakemake --dry-run` for the {jobs} jobs of the default study"
    yield Row("workflow, planning", median(taken), "overhead", "", NAN, median(taken), "", note=note)


LIMITS: dict[str, Callable[[int], Iterator[Row]]] = {
    "equations": equations,
    "limit": limit,
    "growth": growth,
    "memory": memory,
    "overhead": overhead,
}
