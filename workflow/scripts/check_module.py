"""Check the losses of a torch module before the training.

Output: check.nc with the deviation and the tolerance of each check.
"""

from pinnscape.config.sections import Module
from pinnscape.losses.model_file import family
from pinnscape.validation.module import validate_module, values
from runtime import check
from runtime.job import run


def main(output, params, wildcards, device) -> None:
    losses = family(Module.of(params.model), device)
    report = validate_module(losses)
    check.write(output[0], report, wildcards.case, "Checks of the module", params.model, device, values=values(losses))


if __name__ == "__main__":
    run(main, snakemake)
