"""Prints the peak memory, in GB, of a 201×201 surface with 10⁴ parameters and 10⁴ points, and how much of it was evaluated.

A program of its own, as the peak is that of a process. After some seconds measurements are no longer computed; the rest goes on.
"""

import resource
import sys
import time
from pathlib import Path

import numpy as np
import torch

FOLDER = Path(__file__).resolve().parents[1]
SIZE, WIDTH, POINTS, SECONDS = 201, 70, 100, 20.0


def main() -> None:
    from benchmarks import ours

    from pinnscape.landscape.axes import centred_axis, plane_coordinates
    from pinnscape.landscape.surfaces import evaluate
    from pinnscape.losses.objective import tensor

    torch.set_num_threads(1)
    d = ours.discretized(points=POINTS, width=WIDTH)
    origin = tensor(d.network.initial("glorot", 0))
    directions = tensor(np.random.default_rng(0).standard_normal((2, len(origin))))
    axis, end, evaluated = centred_axis(1.0, SIZE), time.monotonic() + SECONDS, 0
    latest: dict[str, torch.Tensor] = {}

    def measure(theta: torch.Tensor) -> dict[str, torch.Tensor]:
        nonlocal evaluated, latest
        if time.monotonic() < end:
            latest, evaluated = d.measure(theta), evaluated + len(theta)
        return {key: value[:1].repeat(len(theta)) for key, value in latest.items()}

    evaluate(measure, origin, directions, plane_coordinates(axis, axis), d.batch)
    gigabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(gigabytes, evaluated, SIZE**2, len(origin), d.count("strong-form/interior"))


if __name__ == "__main__":
    sys.path[0:1] = [str(FOLDER), str(FOLDER.parent / "workflow")]
    main()
