"""Judge the claims. Input: metrics.csv. Output: claims.csv."""

import pandas as pd

from job import run
from pinnscape import atomic
from pinnscape.tables import claims


def main(input, output, params) -> None:
    table = claims.table(pd.read_csv(input[0]), params.claims, params.planes, params.techniques)
    with atomic.replacing(output[0]) as unfinished:
        table.to_csv(unfinished, index=False)


if __name__ == "__main__":
    run(main, snakemake)  # noqa: F821
