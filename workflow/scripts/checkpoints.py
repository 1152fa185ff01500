"""Pick the checkpoints of each formulation's training. Input: training.nc. Output: checkpoints.nc, in the same order."""

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
