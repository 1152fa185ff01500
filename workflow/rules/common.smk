# The names of the files, and what all rules share.
from pinnscape.provenance import digest

RUN = "results/{problem}/{formulation}/seed-{seed}/{file}"
HESSIANS = [f"hessian-{checkpoint}.nc" for checkpoint in STUDY.hessian_checkpoints]
HESSIAN_PLANES = [plane for plane in STUDY.planes if plane.startswith("hessian-")]
OTHER_PLANES = [plane for plane in STUDY.planes if not plane.startswith("hessian-")]
ENVIRONMENT = "../../envs/environment.yaml"


wildcard_constraints:
    problem="|".join(CATALOG),
    formulation="deep-ritz|strong-form|supervised",
    seed=r"\d+",


def of_runs(*files):
    """These files of all runs of the study."""
    return expand(RUN, problem=STUDY.problems, formulation=STUDY.formulations, seed=STUDY.seeds, file=files)


def of_formulations(*files):
    """These files of all formulations, formulation by formulation, for a problem and a seed that are wildcards."""
    return expand(RUN, formulation=STUDY.formulations, file=files, allow_missing=True)


def of_seeds(*files):
    """These files of all formulations and seeds of the problem."""
    return expand(of_formulations(*files), seed=STUDY.seeds, allow_missing=True)


def of_shown(*files):
    """These files of all formulations of the problem, for the seed that the figures show."""
    return expand(of_formulations(*files), seed=STUDY.figure_seed, allow_missing=True)


def code(*scripts, problem=False):
    """A parameter that changes with the text of the scripts and of the project's modules that they import.

    With `problem`, the module that defines the problem of the wildcard counts too, and no other problem's.
    """
    roots = (WORKFLOW, WORKFLOW / "scripts")
    files = [WORKFLOW / "scripts" / f"{script}.py" for script in scripts]

    def of_job(wildcards):
        physics = WORKFLOW / "pinnscape" / "problems" / f"{CATALOG[wildcards.problem].module}.py"
        return digest([*files, physics], roots)

    return of_job if problem else digest(files, roots)


def gpus(wildcards):
    return 0 if STUDY.device == "cpu" else 1
