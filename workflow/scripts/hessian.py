"""Spectra of the Hessians at checkpoints, for all formulations' points of one problem and seed.

Input: checkpoints.nc of each formulation. Output: hessian-{checkpoint}.nc, formulation by formulation.
"""

from itertools import product

from job import log, run
from pinnscape import storage
from pinnscape.curvature.files import hessian_dataset
from pinnscape.formulations import PHYSICS
from pinnscape.model import compiler, discretization, network
from pinnscape.objective import Objective, tensor


def main(input, output, params, wildcards, device) -> None:
    engine = params.engine
    evaluations = len(output) * network(wildcards.problem, params.model["network"]).size
    discretized = discretization(wildcards.problem, params.model, device, compiler(engine, evaluations), engine["memory"])
    targets, memo, seed = iter(output), {}, int(wildcards.seed)
    for source, checkpoint in product(input, params.checkpoints):
        points = storage.read(source, "checkpoints")
        theta = tensor(points["theta"].sel(checkpoint=checkpoint).values, device)
        trained = points.attrs["formulation"]
        losses = [*PHYSICS, *([] if trained in PHYSICS else [trained])]
        log.info("%s: %s", trained, checkpoint)
        objectives = [Objective(discretized, f) for f in losses]
        dataset = hessian_dataset(objectives, theta, params.hessian, seed, memo)
        storage.write(
            next(targets),
            dataset.assign_attrs(checkpoint=checkpoint),
            stage="hessian",
            title=f"Hessian spectra at checkpoint {checkpoint}",
            configuration=storage.configuration(points) | {"hessian": params.hessian},
            **storage.identity(points) | {"device": device},
        )


if __name__ == "__main__":
    run(main, snakemake)  # noqa: F821
