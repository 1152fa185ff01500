# A zip file with all results of the study, its configuration, versions and a manifest. `make verify` checks it and runs its
# study again.
import os


rule write_archive:
    input:
        data=[
            *expand(CHECK, case=STUDY.cases),
            *REFERENCES,
            *of_runs("training.nc", "checkpoints.nc", *HESSIANS),
            *solutions(),
            *of_runs(*[f"{kind}-{plane}.nc" for kind in ("directions", "surface") for plane in STUDY.planes]),
            *of_techniques(),
        ],
        tables=TABLES,
        figures=FIGURES,
        page=local(os.path.relpath(WORKFLOW.parent / "results" / "README.md")),  # without a prefix of modules
    output:
        "results/archive.zip",
    log:
        "results/logs/archive.log",
    benchmark:
        "results/benchmarks/archive.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=1000,
        runtime=20,
    params:
        # The complete configuration, including --config and all defaults.
        config=STUDY.complete(),
        project=project(WORKFLOW.parent),
        code=code("archive"),
    message:
        "Archive"
    script:
        "../scripts/archive.py"
