# Techniques: results/{case}/{technique}.nc contains all formulations and seeds of a case. If a technique treats runs one by
# one, `shard_technique` computes some of them.
TECHNIQUE_FILE = "results/{case}/{technique}.nc"
TECHNIQUE_PARTS = "results/shards/{technique}/{case}"
OF_RUNS = {
    "checkpoints": lambda wildcards: of_seeds(wildcards.case, "checkpoints.nc"),
    "training": lambda wildcards: of_seeds(wildcards.case, "training.nc"),
}


rule measure_technique:
    input:
        **OF_RUNS,
        reference=reference,
        parts=lambda wildcards: (
            parts("techniques", TECHNIQUE_PARTS, technique_params(OF_RUNS))(wildcards)
            if TECHNIQUES[wildcards.technique].splits
            else []
        ),
    output:
        TECHNIQUE_FILE,
    log:
        "results/logs/techniques/{technique}-{case}.log",
    benchmark:
        "results/benchmarks/techniques/{technique}-{case}.tsv"
    wildcard_constraints:
        technique=any_of(name for name in STUDY.techniques if not TECHNIQUES[name].surfaces),
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        **needs(mem_mb=3000, runtime=120, gpu=True),
    params:
        **technique_params(OF_RUNS),
    message:
        "Technique {wildcards.technique} of {wildcards.case}"
    script:
        "../scripts/technique.py"


use rule measure_technique as shard_technique with:
    input:
        **OF_RUNS,
        reference=reference,
    output:
        temp(f"{TECHNIQUE_PARTS}/{PART}"),
    log:
        "results/logs/shards/{technique}/{case}/{settings}/{scatteritem}.log",
    benchmark:
        "results/benchmarks/shards/{technique}/{case}/{settings}/{scatteritem}.tsv"
    wildcard_constraints:
        technique=any_of(name for name in STUDY.techniques if TECHNIQUES[name].splits),
    message:
        "Shard {wildcards.scatteritem} of technique {wildcards.technique} of {wildcards.case}"


# Techniques that read surfaces do not use a GPU.
use rule measure_technique as measure_surfaces with:
    input:
        surfaces=surfaces_of,
    wildcard_constraints:
        technique=any_of(name for name in STUDY.techniques if TECHNIQUES[name].surfaces),
    resources:
        **needs(mem_mb=3000, runtime=120),
    params:
        **technique_params({"surfaces": surfaces_of}),
