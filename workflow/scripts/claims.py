"""Judge the claims. Input: metrics.csv. Output: claims.csv."""

import pandas as pd

from job import run
from pinnscape.tables import claims


def main(input, output, params) -> None:
    table = claims.table(pd.read_csv(input[0]), params.claims, params.planes, params.techniques)
    table.to_csv(output[0], index=False)


if __name__ == "__main__":
    run(main, snakemake)  # noqa: F821
