"""Select the checkpoints of the training runs of one case and seed.

Input: training.nc of each formulation.
Output: checkpoints.nc of each formulation, in the same order.
"""

from pinnscape.files import store
from pinnscape.training.checkpoints import select
from runtime.job import run


def main(input, output, params) -> None:
    for source, target in zip(input, output, strict=True):
        training = store.read(source, "train")
        store.write(
            target,
            select(training, params.fractions),
            stage="checkpoints",
            title="Checkpoints of the parameters",
            configuration=store.configuration(training) | {"checkpoints": params.fractions},
            **store.identity(training),
        )


if __name__ == "__main__":
    run(main, snakemake)
