# Hessian spectra at the checkpoints.


rule measure_hessians:
    input:
        of_formulations("checkpoints.nc"),
    output:
        of_formulations(*HESSIANS),
    log:
        "results/logs/hessian/{problem}/seed-{seed}.log",
    benchmark:
        "results/benchmarks/hessian/{problem}/seed-{seed}.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        **needs(mem_mb=3000, runtime=60, gpu=True),
    params:
        engine=STUDY.engine(),
        model=lambda wildcards: STUDY.model(wildcards.problem),
        hessian=STUDY.hessian(),
        checkpoints=list(STUDY.hessian_checkpoints),
        code=code("hessian", problem=True),
    message:
        "Hessians of {wildcards.problem}, seed {wildcards.seed}"
    script:
        "../scripts/hessian.py"
