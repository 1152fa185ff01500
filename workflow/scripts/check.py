"""Check the definition of a problem before the training.

Output: check.nc with the deviation and the tolerance of each check.
"""

import logging
import sys

from pinnscape.config.sections import EngineSettings, Model
from pinnscape.files import store
from pinnscape.losses.model import EVALUATIONS_A_STEP, compiler, discretization, problem
from pinnscape.validation.check import dataset, validate, validate_losses
from runtime.job import run
from runtime.reference import reference

log = logging.getLogger("pinnscape")


def main(input, output, params, wildcards, device) -> None:
    name, engine, model = wildcards.case, EngineSettings.of(params.engine), Model.of(params.model)
    report = validate(problem(model), model.condition_settings)
    compiles = compiler(engine, EVALUATIONS_A_STEP * params.steps)
    report += validate_losses(discretization(model, device, compiles, engine.memory, reference(input)))
    for finding in report.findings:
        log.info("%-24s deviation %.1e, tolerance %.0e", finding.check, finding.deviation, finding.tolerance)
    for warning in report.warnings:
        log.warning("%s: %s", name, warning)
        print(f"pinnscape: warning: {name}: {warning}", file=sys.stderr)
    common = {"case": name, "trained_on": store.ALL, "seed": store.NO_SEED, "device": device, "stage": "check"}
    store.write(output[0], dataset(report), title="Checks of the problem", configuration={"model": params.model}, **common)


if __name__ == "__main__":
    run(main, snakemake)
