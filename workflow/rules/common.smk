# The names of the files, and what all rules share.
from pinnscape.common.formulations import FORMULATIONS
from pinnscape.files.provenance import digest, hashed, pins, project

if workflow.enable_cache:
    from pinnscape.files.machine import fingerprint  # takes numpy

LIBRARY = WORKFLOW / "pinnscape"
RUN = "results/{case}/{trained_on}/seed-{seed}/{file}"
HESSIANS = [f"hessian-{checkpoint}.nc" for checkpoint in STUDY.hessian_checkpoints]
HESSIAN_PLANES = [plane for plane in STUDY.planes if plane.startswith("hessian-")]
OTHER_PLANES = [plane for plane in STUDY.planes if not plane.startswith("hessian-")]
PINS = pins(WORKFLOW.parent / "envs" / "requirements.txt")
ENVIRONMENT = "../../envs/environment.yaml"
# Where the parts of shards live until they are gathered. The settings of the job are in the path, so that parts of other settings are other files:
# else what Snakemake remembers of parts long gone would make it run again what is done.
PART = "{settings}/{scatteritem}.nc"


scattergather:
    **STUDY.shards(),


wildcard_constraints:
    case="|".join(STUDY.problems),  # a named entry of the study: as yet, the problem of this name
    trained_on="|".join(FORMULATIONS),
    seed="0|[1-9][0-9]{0,9}",
    settings=r"[0-9a-f]{16}",


def of_runs(*files):
    """These files of all runs of the study."""
    return expand(RUN, case=STUDY.problems, trained_on=STUDY.formulations, seed=STUDY.seeds, file=files)


def of_formulations(*files):
    """These files of all formulations, formulation by formulation, for a case and a seed that are wildcards."""
    return expand(RUN, trained_on=STUDY.formulations, file=files, allow_missing=True)


def of_seeds(*files):
    """These files of all formulations and seeds of the case."""
    return expand(of_formulations(*files), seed=STUDY.seeds, allow_missing=True)


def of_shown(*files):
    """These files of all formulations of the case, for the seed that the figures show."""
    return expand(of_formulations(*files), seed=STUDY.figure_seed, allow_missing=True)


def listed(*inputs):
    """A parameter that changes with the set of these input files, each a file or a list of them: the rerun trigger `input` is off."""
    return hashed(sorted({file for files in inputs for file in ([files] if isinstance(files, str) else files)}))


def any_of(names):
    """A pattern of these names."""
    return "|".join(names) or "(?!)"  # which matches nothing


def surfaces_of(technique):
    """The surfaces that a technique reads, for a case that is a wildcard."""
    return of_seeds(*[f"surface-{plane}.nc" for plane in TECHNIQUES[technique].surfaces if plane in STUDY.planes])


def parts(work, folder, settings):
    """The parts that a job gathers, as a function of its wildcards; none with one shard: the job does its work itself.

    Args:
        work: which number of shards counts: surfaces, hessians or techniques.
        folder: of the parts.
        settings: params of the job.
    """

    scattered = getattr(gather, work)

    def of_job(wildcards):
        if len(scattered("{scatteritem}")) == 1:
            return []
        values = {name: value(wildcards) if callable(value) else value for name, value in settings.items()}
        return scattered(f"{folder}/{PART}", settings=hashed(values), **dict(wildcards.items()))

    return of_job


def of_cases(*names):
    """The files of these techniques for all cases of the study."""
    return expand("results/{case}/{name}.nc", case=STUDY.problems, name=names)


def code(*scripts, problem=False, package=None):
    """A parameter that changes with the text of the scripts, of the project's modules that they import, and with the pinned libraries.

    With `problem`, the module that defines the problem of the case counts too, but no other problem's; with
    `package`, the module of it that bears the name of the technique of the wildcard, as far as it measures or draws.
    """

    def of_job(wildcards):
        modules = [LIBRARY / "problems" / f"{CATALOG[wildcards.case].module}.py"] if problem else []
        if package:
            modules.append(LIBRARY / package / f"{wildcards.technique}.py")
        return [digest_of(*scripts, modules=modules, leaving_out=("TECHNIQUE", "METRICS", "Settings", "metrics")), PINS]

    return of_job if problem or package else [digest_of(*scripts), PINS]


def digest_of(*scripts, modules=(), leaving_out=()):
    """Hash of scripts and modules of the library.

    What names other modules without using them does not count: catalogues, and the package itself. Nor do the texts and ranges of settings, whose
    values are parameters.
    """
    left_out = [
        LIBRARY / "__init__.py",
        *[LIBRARY / package / "catalog.py" for package in ("problems", "techniques")],
        *(LIBRARY / "config").glob("*.py"),
    ]
    files = [*[WORKFLOW / "scripts" / f"{script}.py" for script in scripts], *modules]
    return digest(files, (WORKFLOW,), without=left_out, leaving_out=leaving_out)


def needs(mem_mb, runtime, gpu=False):
    """The resources of a rule's jobs: megabytes, minutes, and one GPU for those with `gpu`, unless the study is for the CPU.

    A job that is tried again, for which an executor's profile must ask, gets twice the memory and time. A default `gpu_model` of such a profile is
    for jobs with a GPU alone.
    """

    def doubled(first):
        return lambda wildcards, attempt: first * 2 ** (attempt - 1)

    found = {"mem_mb": doubled(mem_mb), "runtime": doubled(runtime), "device": STUDY.device, "gpu": 0}
    return found | ({"gpu": 1} if gpu and STUDY.device != "cpu" else {"gpu_model": None})


def cache_entry(wildcards, threads, resources):
    """What else tells one result from another for `--cache`, which looks at parameters but not at wildcards or machines; nothing without it.

    Snakemake does not compare parameters that depend on resources with those of earlier runs (https://github.com/snakemake/snakemake/issues/3895 is the
    same for input): with and without `--cache`, the same is up to date.
    """
    if not workflow.enable_cache:
        return None
    on_gpu = bool(resources.get("gpu", 0)) and STUDY.device != "cpu"
    return [wildcards.case, wildcards.trained_on, wildcards.seed, fingerprint(threads, on_gpu)]


# Params of the rules whose work splits, which the rules of their shards share.
def hessian_params():
    return {
        "engine": STUDY.engine(),
        "model": lambda wildcards: STUDY.model(wildcards.case),
        "hessian": STUDY.hessian(),
        "checkpoints": list(STUDY.hessian_checkpoints),
        "inputs": listed(of_formulations("checkpoints.nc")),
        "code": code("hessian", problem=True),
    }


def surface_params(planes):
    return {
        "engine": STUDY.engine(),
        "model": lambda wildcards: STUDY.model(wildcards.case),
        "grid": {plane: STUDY.grid(plane) for plane in planes},
        "inputs": listed(of_formulations(*planes)),
        "code": code("surfaces", problem=True),
    }


def technique_params(inputs):
    return {
        "engine": STUDY.engine(),
        "model": lambda wildcards: STUDY.model(wildcards.case),
        "settings": lambda wildcards: STUDY.technique(wildcards.technique),
        "inputs": lambda wildcards: listed(*[files(wildcards) if callable(files) else files for files in inputs.values()]),
        "code": code("technique", problem=True, package="techniques"),
    }
