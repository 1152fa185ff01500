"""Compute the numerical reference of a case whose problem has no exact solution.

Output: reference.nc with the solution and an estimate of its error.
"""

from pinnscape.files import store
from pinnscape.problems.faults import naming
from pinnscape.problems.loader import load
from pinnscape.problems.reference import compute
from runtime.job import log, run


def main(output, params, wildcards) -> None:
    problem = load(params.problem, params.parameters)
    with naming(problem, "reference"):
        found = compute(problem)
    log.info("%s: error of about %.1e", wildcards.case, found.attrs["error_estimate"])
    common = {"case": wildcards.case, "trained_on": store.ALL, "seed": store.NO_SEED, "stage": "reference"}
    configuration = {"problem": params.problem, "parameters": params.parameters}
    store.write(output[0], found, title="Numerical reference", configuration=configuration, **common)


if __name__ == "__main__":
    run(main, snakemake)
