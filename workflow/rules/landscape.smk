# Directions through the final points, and the losses on the lines and planes that they span. The planes along the Hessian's eigenvectors have
# rules of their own: settings of the Hessian must not make the other planes run again.


rule find_directions:
    input:
        checkpoints=of_formulations("checkpoints.nc"),
        training=of_formulations("training.nc"),
    output:
        of_formulations(*[f"directions-{plane}.nc" for plane in OTHER_PLANES]),
    log:
        "results/logs/directions/{problem}/seed-{seed}.log",
    benchmark:
        "results/benchmarks/directions/{problem}/seed-{seed}.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        **needs(mem_mb=1000, runtime=10),
    params:
        planes={plane: STUDY.directions(plane) for plane in OTHER_PLANES},
        code=code("directions"),
    message:
        "Directions for {wildcards.problem}, seed {wildcards.seed}"
    script:
        "../scripts/directions.py"


rule evaluate_surfaces:
    input:
        of_formulations(*[f"directions-{plane}.nc" for plane in OTHER_PLANES]),
    output:
        of_formulations(*[f"surface-{plane}.nc" for plane in OTHER_PLANES]),
    log:
        "results/logs/surfaces/{problem}/seed-{seed}.log",
    benchmark:
        "results/benchmarks/surfaces/{problem}/seed-{seed}.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        **needs(mem_mb=2000, runtime=60, gpu=True),
    params:
        engine=STUDY.engine(),
        model=lambda wildcards: STUDY.model(wildcards.problem),
        grid={plane: STUDY.grid(plane) for plane in OTHER_PLANES},
        code=code("surfaces", problem=True),
    message:
        "Surfaces of {wildcards.problem}, seed {wildcards.seed}"
    script:
        "../scripts/surfaces.py"


if HESSIAN_PLANES:

    rule find_hessian_directions:
        input:
            checkpoints=of_formulations("checkpoints.nc"),
            hessian=of_formulations("hessian-final.nc"),
        output:
            of_formulations(*[f"directions-{plane}.nc" for plane in HESSIAN_PLANES]),
        log:
            "results/logs/hessian-directions/{problem}/seed-{seed}.log",
        benchmark:
            "results/benchmarks/hessian-directions/{problem}/seed-{seed}.tsv"
        conda:
            ENVIRONMENT
        threads: 1
        resources:
            **needs(mem_mb=1000, runtime=10),
        params:
            planes=HESSIAN_PLANES,
            code=code("hessian_directions"),
        message:
            "Hessian directions for {wildcards.problem}, seed {wildcards.seed}"
        script:
            "../scripts/hessian_directions.py"

    use rule evaluate_surfaces as evaluate_hessian_surfaces with:
        input:
            of_formulations(*[f"directions-{plane}.nc" for plane in HESSIAN_PLANES]),
        output:
            of_formulations(*[f"surface-{plane}.nc" for plane in HESSIAN_PLANES]),
        log:
            "results/logs/hessian-surfaces/{problem}/seed-{seed}.log",
        benchmark:
            "results/benchmarks/hessian-surfaces/{problem}/seed-{seed}.tsv"
        params:
            engine=STUDY.engine(),
            model=lambda wildcards: STUDY.model(wildcards.problem),
            grid={plane: STUDY.grid(plane) for plane in HESSIAN_PLANES},
            code=code("surfaces", problem=True),
        message:
            "Hessian surfaces of {wildcards.problem}, seed {wildcards.seed}"
