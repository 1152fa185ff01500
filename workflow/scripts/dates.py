"""Give all results of the study new dates, so that contents decide what is up to date, and nothing but contents."""

from pathlib import Path

from pinnscape.files import atomic
from runtime import dates
from runtime.job import log, run


def main(params) -> None:
    try:
        dates.renew(params.files, set(params.recorded), Path("results/benchmarks").rglob("*.tsv"))
    except OSError as error:
        raise atomic.refusal(error.filename, error) from error
    log.info("%d results, %d of them recorded in .snakemake", len(params.files), len(params.recorded))


if __name__ == "__main__":
    run(main, snakemake)
