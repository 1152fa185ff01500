# Directions at the final points, and the losses on the lines and planes that they span. Planes of Hessian eigenvectors have
# separate rules, so that settings of the Hessian do not trigger reruns for the other planes.
SURFACE_PARTS = "results/shards/surfaces/{case}/seed-{seed}"
HESSIAN_SURFACE_PARTS = "results/shards/hessian-surfaces/{case}/seed-{seed}"


rule find_directions:
    input:
        checkpoints=of_formulations("checkpoints.nc"),
        training=of_formulations("training.nc"),
    output:
        of_formulations(*[f"directions-{plane}.nc" for plane in OTHER_PLANES]),
    log:
        "results/logs/directions/{case}/seed-{seed}.log",
    benchmark:
        "results/benchmarks/directions/{case}/seed-{seed}.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        **needs(mem_mb=1000, runtime=10),
    params:
        planes={plane: STUDY.directions(plane) for plane in OTHER_PLANES},
        inputs=listed(of_formulations("checkpoints.nc", "training.nc")),
        code=code("directions"),
    message:
        "Directions for {wildcards.case}, seed {wildcards.seed}"
    script:
        "../scripts/directions.py"


rule evaluate_surfaces:
    input:
        directions=of_formulations(*[f"directions-{plane}.nc" for plane in OTHER_PLANES]),
        parts=parts("surfaces", SURFACE_PARTS, surface_params(OTHER_PLANES)),
    output:
        of_formulations(*[f"surface-{plane}.nc" for plane in OTHER_PLANES]),
    log:
        "results/logs/surfaces/{case}/seed-{seed}.log",
    benchmark:
        "results/benchmarks/surfaces/{case}/seed-{seed}.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        **needs(mem_mb=2000, runtime=60, gpu=True),
    params:
        **surface_params(OTHER_PLANES),
    message:
        "Surfaces of {wildcards.case}, seed {wildcards.seed}"
    script:
        "../scripts/surfaces.py"


use rule evaluate_surfaces as shard_surfaces with:
    input:
        directions=of_formulations(*[f"directions-{plane}.nc" for plane in OTHER_PLANES]),
    output:
        temp(f"{SURFACE_PARTS}/{PART}"),
    log:
        "results/logs/shards/surfaces/{case}/seed-{seed}/{settings}/{scatteritem}.log",
    benchmark:
        "results/benchmarks/shards/surfaces/{case}/seed-{seed}/{settings}/{scatteritem}.tsv"
    message:
        "Shard {wildcards.scatteritem} of surfaces of {wildcards.case}, seed {wildcards.seed}"


if HESSIAN_PLANES:

    rule find_hessian_directions:
        input:
            checkpoints=of_formulations("checkpoints.nc"),
            hessian=of_formulations("hessian-final.nc"),
        output:
            of_formulations(*[f"directions-{plane}.nc" for plane in HESSIAN_PLANES]),
        log:
            "results/logs/hessian-directions/{case}/seed-{seed}.log",
        benchmark:
            "results/benchmarks/hessian-directions/{case}/seed-{seed}.tsv"
        conda:
            ENVIRONMENT
        threads: 1
        resources:
            **needs(mem_mb=1000, runtime=10),
        params:
            planes=HESSIAN_PLANES,
            inputs=listed(of_formulations("checkpoints.nc", "hessian-final.nc")),
            code=code("hessian_directions"),
        message:
            "Hessian directions for {wildcards.case}, seed {wildcards.seed}"
        script:
            "../scripts/hessian_directions.py"

    use rule evaluate_surfaces as evaluate_hessian_surfaces with:
        input:
            directions=of_formulations(*[f"directions-{plane}.nc" for plane in HESSIAN_PLANES]),
            parts=parts("surfaces", HESSIAN_SURFACE_PARTS, surface_params(HESSIAN_PLANES)),
        output:
            of_formulations(*[f"surface-{plane}.nc" for plane in HESSIAN_PLANES]),
        log:
            "results/logs/hessian-surfaces/{case}/seed-{seed}.log",
        benchmark:
            "results/benchmarks/hessian-surfaces/{case}/seed-{seed}.tsv"
        params:
            **surface_params(HESSIAN_PLANES),
        message:
            "Hessian surfaces of {wildcards.case}, seed {wildcards.seed}"

    use rule evaluate_hessian_surfaces as shard_hessian_surfaces with:
        input:
            directions=of_formulations(*[f"directions-{plane}.nc" for plane in HESSIAN_PLANES]),
        output:
            temp(f"{HESSIAN_SURFACE_PARTS}/{PART}"),
        log:
            "results/logs/shards/hessian-surfaces/{case}/seed-{seed}/{settings}/{scatteritem}.log",
        benchmark:
            "results/benchmarks/shards/hessian-surfaces/{case}/seed-{seed}/{settings}/{scatteritem}.tsv"
        message:
            "Shard {wildcards.scatteritem} of Hessian surfaces of {wildcards.case}, seed {wildcards.seed}"
