"""Train one network from its seed.

Output: training.nc with history and snapshots, and solution.nc with the solution on a uniform grid.
"""

import sys

from pinnscape.config.sections import EngineSettings, Model, TrainingSettings
from pinnscape.files import store
from pinnscape.losses import gaps
from pinnscape.losses.model import EVALUATIONS_A_STEP, compiler, discretization
from pinnscape.losses.objective import tensor
from pinnscape.training.files import solution_dataset, training_dataset
from pinnscape.training.loop import train
from pinnscape.training.progress import Saves
from runtime.job import log, run
from runtime.reference import reference
from runtime.resume import every, identity, restart


def main(input, output, params, wildcards, device) -> None:
    case, trained_on, seed = wildcards.case, wildcards.trained_on, int(wildcards.seed)
    training, engine, model = TrainingSettings.of(params.training), EngineSettings.of(params.engine), Model.of(params.model)
    evaluations = EVALUATIONS_A_STEP * sum(phase.steps for phase in training.phases)
    known = reference(input)
    discretized = discretization(model, device, compiler(engine, evaluations), engine.memory, known)
    theta = tensor(discretized.network.initial(model.network.initialization, seed), device)
    objective = discretized.objective(trained_on)
    name = f"{case}/{trained_on}/seed-{seed}"
    saves = Saves(restart(output.training, identity(params, wildcards, device, input.reference)), every())
    history = train(objective, theta, training, name, saves, model.quadrature.resample)
    common = {"case": case, "trained_on": trained_on, "seed": seed, "device": device, "stage": "train"}
    configuration = {"model": params.model, "training": params.training}
    dataset = training_dataset(history, discretized)
    if below := gaps.below(dataset):
        log.error("%s: %s", name, below)
        print(f"pinnscape: {name}: {below}", file=sys.stderr)
    store.write(output.training, dataset, title="Training history", configuration=configuration, **common)
    store.write(
        output.solution,
        solution_dataset(history, discretized),
        title="Solution and error",
        configuration=configuration,
        **common,
    )
    saves.delete()


if __name__ == "__main__":
    run(main, snakemake)
