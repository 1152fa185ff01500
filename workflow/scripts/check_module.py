"""Check the losses of a torch module before the training.

Output: check.nc with the deviation and the tolerance of each check.
"""

import logging
import sys

from pinnscape.config.sections import Module
from pinnscape.files import store
from pinnscape.losses.model_file import family
from pinnscape.validation.check import dataset
from pinnscape.validation.module import validate_module, values
from runtime.job import run

log = logging.getLogger("pinnscape")


def main(output, params, wildcards, device) -> None:
    name = wildcards.case
    losses = family(Module.of(params.model), device)
    report = validate_module(losses)
    for finding in report.findings:
        log.info("%-24s deviation %.1e, tolerance %.0e", finding.check, finding.deviation, finding.tolerance)
    for warning in report.warnings:
        log.warning("%s: %s", name, warning)
        print(f"pinnscape: warning: {name}: {warning}", file=sys.stderr)
    common = {"case": name, "trained_on": store.ALL, "seed": store.NO_SEED, "device": device, "stage": "check"}
    found = dataset(report).assign_attrs(values=values(losses))
    store.write(output[0], found, title="Checks of the module", configuration={"model": params.model}, **common)


if __name__ == "__main__":
    run(main, snakemake)
