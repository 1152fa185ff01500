"""Train a torch module from its seed, by the workflow or by its own function, or take weights that were trained elsewhere.

Input: weights, the files of trained weights, if any; check.nc.
Output: training.nc with history and snapshots.
"""

from pathlib import Path

from pinnscape.config.sections import Module, TrainingSettings
from pinnscape.files import store
from pinnscape.losses.model_file import family, start
from pinnscape.losses.module_objective import ModuleObjective
from pinnscape.models import file
from pinnscape.networks import modules
from pinnscape.training import elsewhere
from pinnscape.training.files import training_dataset
from pinnscape.training.loop import train
from pinnscape.training.progress import History, Saves
from pinnscape.validation.module import check_same
from runtime.job import run
from runtime.resume import every, identity, restart


def main(input, output, params, wildcards, device) -> None:
    losses = family(Module.of(params.model), device)
    check_same(losses, store.read(input.check, "check").attrs["values"])
    saves = Saves(restart(output[0], identity(params, wildcards, device)), every())
    history = _history(losses.objective(wildcards.trained_on), input, params, wildcards, saves)
    owner = {"case": wildcards.case, "trained_on": wildcards.trained_on, "seed": int(wildcards.seed), "device": device}
    configuration = {"model": params.model, "training": params.training}
    dataset = training_dataset(history, losses)
    store.write(output[0], dataset, stage="train", title="Training history", configuration=configuration, **owner)
    saves.delete()


def _history(objective: ModuleObjective, input, params, wildcards, saves: Saves) -> History:
    model, seed = Module.of(params.model), int(wildcards.seed)
    if input.weights:
        paths = [Path(path) for path in input.weights]
        return elsewhere.from_files(objective, paths, elsewhere.steps_of(model.checkpoints, paths))
    module, found = start(model, seed).to(objective.device), file.load(model.module)
    if found.train is not None:
        return elsewhere.by_itself(found, module, objective, seed)
    settings = TrainingSettings.of(params.training)
    name = f"{wildcards.case}/{wildcards.trained_on}/seed-{seed}"
    return train(objective, modules.flat(module), settings, name, saves, resample=int(settings.minibatches))


if __name__ == "__main__":
    run(main, snakemake)
