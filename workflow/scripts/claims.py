"""Compute the verdicts on the claims.

Input: metrics.csv.
Output: claims.csv.
"""

from pinnscape.config.claims import ClaimSettings
from pinnscape.files import atomic
from pinnscape.tables import claims, reading
from runtime.job import run


def main(input, output, params) -> None:
    measured = reading.table(input[0], claims.MEASURED, ("value",), "collect_metrics")
    table = claims.table(
        measured, ClaimSettings.of(params.claims), params.planes, params.techniques, params.left_out, params.baseline
    )
    with atomic.replacing(output[0]) as unfinished:
        table.to_csv(unfinished, index=False)


if __name__ == "__main__":
    run(main, snakemake)
