# Hessian spectra at the checkpoints.
HESSIAN_PARTS = "results/shards/hessians/{case}/seed-{seed}"


rule measure_hessians:
    input:
        checkpoints=of_formulations("checkpoints.nc"),
        parts=parts("hessians", HESSIAN_PARTS, hessian_params()),
    output:
        of_formulations(*HESSIANS),
    log:
        "results/logs/hessian/{case}/seed-{seed}.log",
    benchmark:
        "results/benchmarks/hessian/{case}/seed-{seed}.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        **needs(mem_mb=3000, runtime=60, gpu=True),
    params:
        **hessian_params(),
    message:
        "Hessians of {wildcards.case}, seed {wildcards.seed}"
    script:
        "../scripts/hessian.py"


use rule measure_hessians as shard_hessians with:
    input:
        checkpoints=of_formulations("checkpoints.nc"),
    output:
        temp(f"{HESSIAN_PARTS}/{PART}"),
    log:
        "results/logs/shards/hessians/{case}/seed-{seed}/{settings}/{scatteritem}.log",
    benchmark:
        "results/benchmarks/shards/hessians/{case}/seed-{seed}/{settings}/{scatteritem}.tsv"
    message:
        "Shard {wildcards.scatteritem} of Hessians of {wildcards.case}, seed {wildcards.seed}"
