# Names of files, and definitions that all rules share.
from pinnscape.files.provenance import digest, hashed, pins, project

if workflow.enable_cache:
    from pinnscape.files.machine import fingerprint  # imported only here, because it imports numpy

LIBRARY = WORKFLOW / "pinnscape"
RUN = "results/{case}/{trained_on}/seed-{seed}/{file}"
REFERENCE = "results/{case}/reference.nc"
REFERENCES = [REFERENCE.format(case=name) for name, case in STUDY.all_cases.items() if case.needs_reference]
HESSIANS = [f"hessian-{checkpoint}.nc" for checkpoint in STUDY.hessian_checkpoints]
HESSIAN_PLANES = [plane for plane in STUDY.planes if plane.startswith("hessian-")]
OTHER_PLANES = [plane for plane in STUDY.planes if not plane.startswith("hessian-")]
# Cases with a boundary value problem, and cases with a torch module.
PROBLEMS = [name for name, case in STUDY.all_cases.items() if case.has_field]
MODULES = [name for name in STUDY.cases if name not in PROBLEMS]
PINS = pins(WORKFLOW.parent / "envs" / "requirements.txt")
ENVIRONMENT = "../../envs/environment.yaml"
# Path of the parts of shards, which exist until they are gathered. The path contains a hash of the settings of the job.
# Otherwise the records of Snakemake about deleted parts with other settings would trigger reruns of finished jobs.
PART = "{settings}/{scatteritem}.nc"


scattergather:
    **STUDY.shards(),


wildcard_constraints:
    case="|".join(STUDY.cases),
    trained_on="|".join(STUDY.all_losses),
    seed="0|[1-9][0-9]{0,9}",
    settings=r"[0-9a-f]{16}",


# In Snakemake, the number of output files of a rule cannot depend on wildcards. A rule with an output file for each loss therefore
# exists once for each set of losses that a case of the study has. For the losses of the first case, it has its plain name; for
# other sets, the losses are appended to the name, as in `measure_hessians_strong_form_supervised`.
def rule_name(name, losses):
    """Name of a rule for cases with these losses."""
    first = next(iter(STUDY.cases_by_losses))
    return name if losses == first else "_".join([name, *losses]).replace("-", "_")


def cases_with(losses):
    """A regular expression that matches the cases with these losses."""
    return "|".join(STUDY.cases_by_losses[losses])


def of_runs(*files):
    """Paths of these files for all runs of the study."""
    return [path for case in STUDY.cases for path in expand(of_seeds(case, *files), case=case)]


def solutions():
    """Paths of the solutions of all runs that have one."""
    return [path for case in PROBLEMS for path in of_seeds(case, "solution.nc")]


def weights(wildcards):
    """Paths of the weights of a run of a module that was trained elsewhere; otherwise an empty list."""
    case = STUDY.all_cases[wildcards.case]
    return [str(path) for path in case.weights_of(wildcards.trained_on, int(wildcards.seed))]


def losses_of(wildcards):
    """All losses of a case, by which figures choose colours."""
    return list(STUDY.all_cases[wildcards.case].all_losses)


def shown_seed(wildcards):
    """The seed that figures of a case show."""
    return STUDY.figure_seed(wildcards.case)


def of_losses(losses, *files):
    """Paths of these files for these losses, loss by loss, with wildcards for case and seed."""
    return expand(RUN, trained_on=losses, file=files, allow_missing=True)


def of_seeds(case, *files):
    """Paths of these files for all losses and seeds of a case."""
    return expand(of_losses(STUDY.losses(case), *files), seed=STUDY.seeds(case), case=case)


def of_shown(case, *files):
    """Paths of these files for all losses of a case and the seed that figures show."""
    return expand(of_losses(STUDY.losses(case), *files), seed=STUDY.figure_seed(case), case=case)


def seeds_of(*files):
    """An input function that returns the paths of these files for all losses and seeds of a case."""
    return lambda wildcards: of_seeds(wildcards.case, *files)


def shown_of(*files):
    """An input function that returns the paths of these files for all losses of a case and the seed that figures show."""
    return lambda wildcards: of_shown(wildcards.case, *files)


def inputs_of(functions):
    """A parameter that changes with the set of the files that these input functions return."""
    return lambda wildcards: listed(*[function(wildcards) for function in functions.values()])


def surfaces_of_sweep(wildcards):
    """Paths of the random planes of all cases of a sweep."""
    return [file for case in STUDY.sweeps[wildcards.sweep].values() for file in of_shown(case, "surface-random.nc")]


def reference(wildcards):
    """Path of the numerical reference of a case in a list, which is empty if the case needs no reference."""
    return [REFERENCE.format(case=wildcards.case)] if STUDY.all_cases[wildcards.case].needs_reference else []


def listed(*inputs):
    """Hash of the set of these input files or lists of files, for a parameter, because the rerun trigger `input` is off."""
    return hashed(sorted({file for files in inputs for file in ([files] if isinstance(files, str) else files)}))


def any_of(names):
    """A regular expression that matches these names."""
    return "|".join(names) or "(?!)"  # (?!) matches nothing


def surfaces_of(wildcards):
    """Paths of the surfaces that a technique reads."""
    planes = [plane for plane in TECHNIQUES[wildcards.technique].surfaces if plane in STUDY.planes]
    return of_seeds(wildcards.case, *[f"surface-{plane}.nc" for plane in planes])


def parts(work, folder, settings):
    """Paths of the parts that a job gathers, as a function of its wildcards. A job with one shard is not split and has no
    parts.

    Args:
        work: kind of work that determines the number of shards: surfaces, hessians or techniques.
        folder: folder of the parts.
        settings: params of the job.
    """

    scattered = getattr(gather, work)

    def of_job(wildcards):
        if len(scattered("{scatteritem}")) == 1:
            return []
        values = {name: value(wildcards) if callable(value) else value for name, value in settings.items()}
        return scattered(f"{folder}/{PART}", settings=hashed(values), **dict(wildcards.items()))

    return of_job


def of_techniques():
    """Paths of the files of all techniques for all cases to which they apply."""
    return [f"results/{case}/{name}.nc" for case in STUDY.cases for name in STUDY.techniques_of(case)]


def cases_of(technique):
    """A regular expression that matches the cases to which a technique applies."""
    return any_of(case for case in STUDY.cases if technique in STUDY.techniques_of(case))


def code(*scripts, problem=False, package=None):
    """Parameter that changes with the scripts, the project modules that they import, and the pinned versions of libraries.

    Args:
        scripts: names of the scripts.
        problem: whether to include the module that defines the problem of the case.
        package: package with the module of the technique. Only the parts of this module that measure or draw count.
    """

    def of_job(wildcards):
        modules = [STUDY.all_cases[wildcards.case].file] if problem else []
        if package:
            modules.append(LIBRARY / package / f"{wildcards.technique}.py")
        return [digest_of(*scripts, modules=modules, leaving_out=("TECHNIQUE", "METRICS", "Settings", "metrics")), PINS]

    return of_job if problem or package else [digest_of(*scripts), PINS]


def digest_of(*scripts, modules=(), leaving_out=()):
    """Hash of scripts and modules of the library.

    Modules that only list other modules (catalogues and the package itself) are excluded. Descriptions and ranges of settings
    are also excluded, because the values of the settings are parameters. The file of a problem may be in any folder;
    modules that it imports from there are included.
    """
    modules = [module if module.is_relative_to(LIBRARY) else module.resolve() for module in modules]
    left_out = [
        LIBRARY / "__init__.py",
        LIBRARY / "problems" / "registry.py",
        LIBRARY / "techniques" / "catalog.py",
        *(LIBRARY / "config").glob("*.py"),
    ]
    files = [*[WORKFLOW / "scripts" / f"{script}.py" for script in scripts], *modules]
    folders = {module.parent for module in modules if not module.is_relative_to(LIBRARY)}
    return digest(files, (WORKFLOW, *sorted(folders)), without=left_out, leaving_out=leaving_out)


def needs(mem_mb, runtime, gpu=False):
    """Resources of a rule: memory (MB), run time (minutes), and one GPU if `gpu` is set and the study may use GPUs.

    Each restart of a failed job, which the profile must enable, doubles memory and run time. A default `gpu_model` of a profile
    applies only to jobs with a GPU.
    """

    def doubled(first):
        return lambda wildcards, attempt: first * 2 ** (attempt - 1)

    resources = {"mem_mb": doubled(mem_mb), "runtime": doubled(runtime), "device": STUDY.device, "gpu": 0}
    return resources | ({"gpu": 1} if gpu and STUDY.device != "cpu" else {"gpu_model": None})


def cache_entry(wildcards, threads, resources):
    """Parameter that distinguishes results for `--cache`, which ignores wildcards and machines; None without `--cache`.

    Snakemake does not compare parameters that depend on resources with those of earlier runs
    (https://github.com/snakemake/snakemake/issues/3895 reports the same for input). Therefore `--cache` does not trigger
    reruns.
    """
    if not workflow.enable_cache:
        return None
    on_gpu = bool(resources.get("gpu", 0)) and STUDY.device != "cpu"
    return [wildcards.case, wildcards.trained_on, wildcards.seed, fingerprint(threads, on_gpu)]


# Params that a rule with split work shares with the rule of its shards.
def hessian_params(losses):
    return {
        "engine": STUDY.engine(),
        "model": lambda wildcards: STUDY.model(wildcards.case),
        "hessian": STUDY.hessian(),
        "checkpoints": list(STUDY.hessian_checkpoints),
        "inputs": listed(of_losses(losses, "checkpoints.nc")),
        "code": code("hessian", problem=True),
    }


def surface_params(losses, planes):
    return {
        "engine": STUDY.engine(),
        "model": lambda wildcards: STUDY.model(wildcards.case),
        "grid": {plane: STUDY.grid(plane) for plane in planes},
        "inputs": listed(of_losses(losses, *planes)),
        "code": code("surfaces", problem=True),
    }


def technique_params(inputs):
    return {
        "engine": STUDY.engine(),
        "model": lambda wildcards: STUDY.model(wildcards.case),
        "settings": lambda wildcards: STUDY.technique(wildcards.technique),
        "inputs": lambda wildcards: listed(*[files(wildcards) for files in inputs.values()]),
        "code": code("technique", problem=True, package="techniques"),
    }
