"""What a GPU gains: the same work on the CPU and on the device, one after the other, with a table of both."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from statistics import median

import numpy as np
import torch
from cases import initial, small
from torch import Tensor

from pinnscape.landscape.axes import centred_axis, plane_coordinates
from pinnscape.landscape.surfaces import Slice
from pinnscape.linalg import density
from pinnscape.linalg.lanczos import Lanczos
from pinnscape.losses.field import FieldObjective
from pinnscape.training.optimizers import Adam, start

_PATIENCE = 3.0  # seconds after which a benchmark is not run once more
_HEAD = ("benchmark", "parameters", "work", "CPU threads", "CPU", "GPU", "rate on the GPU", "CPU over GPU", "agreement")


@dataclass(frozen=True)
class Network:
    """The strong form of poisson2d for a network.

    Attributes:
        width, depth: of the network.
        points: of the quadrature rule along each axis.
        threads: on the CPU. Those of a small network wait for each other.
    """

    width: int
    depth: int
    points: int
    threads: int

    def on(self, device: torch.device) -> tuple[FieldObjective, Tensor]:
        """The loss and the initial parameters."""
        where = small("poisson2d", self.width, self.depth, self.points, device=device)
        theta = initial(small("poisson2d", self.width, self.depth, self.points)).to(device)
        return where.objective("strong-form"), theta


@dataclass(frozen=True)
class Work:
    """How much is done.

    Attributes:
        plane: points along each axis of a plane.
        products: with the Hessian, one by one.
        lanczos: steps of a Lanczos process.
        probes, steps: of a spectral density, Lanczos processes side by side.
        training: steps of Adam.
        repeats: runs at most, after the first.
    """

    plane: int
    products: int
    lanczos: int
    probes: int
    steps: int
    training: int
    repeats: int


FULL, TINY = Work(41, 20, 100, 4, 25, 100, 5), Work(3, 2, 4, 2, 3, 2, 1)


def networks(threads: int) -> tuple[Network, ...]:
    """One of the default study's size and one of 132,609 parameters, for a machine with so many cores."""
    return Network(16, 2, 20, 1), Network(256, 3, 12, threads)


@dataclass(frozen=True)
class Row:
    """One benchmark: seconds on both devices, and the largest difference of the results relative to the largest result."""

    name: str
    parameters: int
    count: int
    unit: str
    threads: int
    cpu: float
    gpu: float
    agreement: float

    def cells(self) -> tuple[str, ...]:
        """As the table shows it."""
        return (
            self.name,
            f"{self.parameters:,}",
            f"{self.count:,} {self.unit}",
            str(self.threads),
            _duration(self.cpu),
            _duration(self.gpu),
            f"{self.count / self.gpu:,.0f} {self.unit}/s",
            f"{self.cpu / self.gpu:.3g}×",
            f"{self.agreement:.0e}",
        )


Task = Callable[[FieldObjective, Tensor], np.ndarray]  # what is timed; its result is compared


def tasks(work: Work) -> Iterator[tuple[str, int, str, Task]]:
    """Name, amount and unit of the work, and the work itself."""

    def plane(objective: FieldObjective, theta: Tensor) -> np.ndarray:
        rows = torch.randn(2, len(theta), generator=torch.Generator().manual_seed(0), dtype=theta.dtype).to(theta)
        axis = centred_axis(0.1, work.plane)
        return Slice(objective.discretization, theta, rows).measure(plane_coordinates(axis, axis))[objective.name]

    def products(objective: FieldObjective, theta: Tensor) -> np.ndarray:
        vector = torch.randn(len(theta), generator=torch.Generator().manual_seed(1), dtype=theta.dtype).to(theta)
        found = [objective.hessian_product(theta, vector) for _ in range(work.products)]
        return found[-1].cpu().numpy()

    def lanczos(objective: FieldObjective, theta: Tensor) -> np.ndarray:
        generator = torch.Generator().manual_seed(2)
        begin = torch.randn(1, len(theta), generator=generator, dtype=theta.dtype).to(theta)
        process = Lanczos(lambda rows: objective.hessian_product(theta, rows), begin, generator, work.lanczos)
        for _ in range(process.capacity):
            process.step()
        return process.ritz()[0][0, -1:].cpu().numpy()

    def spectral_density(objective: FieldObjective, theta: Tensor) -> np.ndarray:
        nodes, weights = density.quadrature(
            lambda rows: objective.hessian_product(theta, rows), theta, work.probes, work.steps, 3
        )
        return np.array([nodes @ weights])

    def training(objective: FieldObjective, theta: Tensor) -> np.ndarray:
        state, optimizer = start(objective.loss_and_gradient, theta), Adam(objective.loss_and_gradient, work.training, 1e-4)
        for _ in range(work.training):
            state = optimizer.step(state)
        return np.array([state.loss])

    yield "losses and errors on a plane", work.plane**2, "points", plane
    yield "Hessian products, one by one", work.products, "products", products
    yield "Lanczos process", work.lanczos, "products", lanczos
    yield "spectral density, probes side by side", work.probes * work.steps, "products", spectral_density
    yield "training by Adam", work.training, "steps", training


def rows(device: torch.device, sizes: Sequence[Network], work: Work) -> Iterator[Row]:
    """All benchmarks for all networks."""
    cpu = torch.device("cpu")
    for network in sizes:
        places = {place: network.on(place) for place in (cpu, device)}
        torch.set_num_threads(network.threads)
        for name, count, unit, task in tasks(work):
            (expected, slow), (found, fast) = (
                _timed(partial(task, *places[place]), place, work.repeats) for place in (cpu, device)
            )
            off = float(np.abs(found - expected).max() / np.abs(expected).max())
            yield Row(name, places[cpu][0].size, count, unit, network.threads, slow, fast, off)


def _timed(task: Callable[[], np.ndarray], device: torch.device, repeats: int) -> tuple[np.ndarray, float]:
    """The result, and the median time of some runs after the first, which loads what it needs; on the CPU of the first where that takes long."""
    times: list[float] = []
    while True:
        _finish(device)
        began = time.perf_counter()
        found = task()
        _finish(device)
        times.append(time.perf_counter() - began)
        enough = len(times) > 1 or device.type == "cpu"
        if len(times) > repeats or (enough and sum(times) > _PATIENCE):
            return found, median(times[1:] or times)


def _finish(device: torch.device) -> None:
    """Wait for the work that a GPU was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def table(found: Sequence[Row]) -> str:
    """A Markdown table."""
    lines = [_HEAD, *(row.cells() for row in found)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    text = ["| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |" for line in lines]
    return "\n".join([text[0], "| " + " | ".join("-" * width for width in widths) + " |", *text[1:]])


def _duration(seconds: float) -> str:
    return f"{seconds:.3g} s" if seconds >= 1 else f"{1e3 * seconds:.3g} ms"
