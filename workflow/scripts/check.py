"""Check the definition of a problem before the training.

Output: check.nc with the deviation and the tolerance of each check.
"""

from pinnscape.config.sections import EngineSettings, Model
from pinnscape.losses.model import EVALUATIONS_A_STEP, compiler, discretization, problem
from pinnscape.validation.check import validate, validate_losses
from runtime import check
from runtime.job import run
from runtime.reference import reference


def main(input, output, params, wildcards, device) -> None:
    engine, model = EngineSettings.of(params.engine), Model.of(params.model)
    report = validate(problem(model), model.condition_settings)
    compiles = compiler(engine, EVALUATIONS_A_STEP * params.steps)
    report += validate_losses(discretization(model, device, compiles, engine.memory, reference(input)))
    check.write(output[0], report, wildcards.case, "Checks of the problem", params.model, device)


if __name__ == "__main__":
    run(main, snakemake)
