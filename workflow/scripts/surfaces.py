"""All losses and errors on planes and lines through the final points of one problem and seed.

Input: directions-{plane}.nc, formulation by formulation. Output: surface-{plane}.nc in the same order.
"""

import numpy as np

from job import log, run
from pinnscape import storage
from pinnscape.landscape.files import coordinates, surface_dataset, trajectory_losses
from pinnscape.landscape.surfaces import Section, surface
from pinnscape.model import compiler, discretization
from pinnscape.objective import tensor

_POINTS = 2000  # that a typical surface takes, for the decision whether to compile


def main(input, output, params, wildcards, device) -> None:
    engine = params.engine
    evaluations = _POINTS * len(output)
    discretized = discretization(wildcards.problem, params.model, device, compiler(engine, evaluations), engine["memory"])
    for source, target in zip(input, output, strict=True):
        found = storage.read(source, "directions")
        plane = found.attrs["kind"]
        grid = params.grid[plane]
        section = Section(
            discretized, tensor(found["origin"].values, device), tensor(found["direction"].values, device), target
        )
        axes, points = coordinates(plane, found, grid)
        measured, variables, method = surface(section, axes, points, grid["tolerance"], int(wildcards.seed))
        evaluated = int(variables["evaluations"][1]) if "evaluations" in variables else points[..., 0].size
        why = f" ({method['reason']})" if "reason" in method else ""
        log.info("%s: %s, %s, %d points%s", found.attrs["formulation"], plane, method["method"], evaluated, why)
        dataset = surface_dataset(found, axes, measured, discretized.energy_minimum).assign(variables).assign_attrs(method)
        if plane == "trajectory":
            offsets = found["theta"].values - found["origin"].values
            true = Section(discretized, section.origin, tensor(offsets, device), target).measure(np.eye(len(offsets)))
            dataset = dataset.assign(trajectory_losses(true, section.measure(found["trajectory"].values)))
        storage.write(
            target,
            dataset,
            stage="surfaces",
            title=f"Losses on the {plane} plane" if plane != "lines" else "Losses along random lines",
            configuration=storage.configuration(found) | {"grid": grid},
            **storage.identity(found) | {"device": device},
        )


if __name__ == "__main__":
    run(main, snakemake)  # noqa: F821
