# Directions at the final points, and the losses on the lines and planes that they span. Planes of Hessian eigenvectors have
# separate rules, so that settings of the Hessian do not trigger reruns for the other planes.
SURFACE_PARTS = "results/shards/surfaces/{case}/seed-{seed}"
HESSIAN_SURFACE_PARTS = "results/shards/hessian-surfaces/{case}/seed-{seed}"

for losses in STUDY.cases_by_losses:

    rule:
        name:
            rule_name("find_directions", losses)
        input:
            checkpoints=of_losses(losses, "checkpoints.nc"),
            training=of_losses(losses, "training.nc"),
        output:
            of_losses(losses, *[f"directions-{plane}.nc" for plane in OTHER_PLANES]),
        log:
            "results/logs/directions/{case}/seed-{seed}.log",
        benchmark:
            "results/benchmarks/directions/{case}/seed-{seed}.tsv"
        wildcard_constraints:
            case=cases_with(losses),
        conda:
            ENVIRONMENT
        threads: 1
        resources:
            **needs(mem_mb=1000, runtime=10),
        params:
            planes={plane: STUDY.directions(plane) for plane in OTHER_PLANES},
            inputs=listed(of_losses(losses, "checkpoints.nc", "training.nc")),
            code=code("directions"),
        message:
            "Directions for {wildcards.case}, seed {wildcards.seed}"
        script:
            "../scripts/directions.py"

    rule:
        name:
            rule_name("evaluate_surfaces", losses)
        input:
            directions=of_losses(losses, *[f"directions-{plane}.nc" for plane in OTHER_PLANES]),
            checkpoints=of_losses(losses, "checkpoints.nc"),
            reference=reference,
            parts=parts("surfaces", SURFACE_PARTS, surface_params(losses, OTHER_PLANES)),
        output:
            of_losses(losses, *[f"surface-{plane}.nc" for plane in OTHER_PLANES]),
        log:
            "results/logs/surfaces/{case}/seed-{seed}.log",
        benchmark:
            "results/benchmarks/surfaces/{case}/seed-{seed}.tsv"
        wildcard_constraints:
            case=cases_with(losses),
        conda:
            ENVIRONMENT
        threads: 1
        resources:
            **needs(mem_mb=2000, runtime=60, gpu=True),
        params:
            **surface_params(losses, OTHER_PLANES),
        message:
            "Surfaces of {wildcards.case}, seed {wildcards.seed}"
        script:
            "../scripts/surfaces.py"

    rule:
        name:
            rule_name("shard_surfaces", losses)
        input:
            directions=of_losses(losses, *[f"directions-{plane}.nc" for plane in OTHER_PLANES]),
            checkpoints=of_losses(losses, "checkpoints.nc"),
            reference=reference,
        output:
            temp(f"{SURFACE_PARTS}/{PART}"),
        log:
            "results/logs/shards/surfaces/{case}/seed-{seed}/{settings}/{scatteritem}.log",
        benchmark:
            "results/benchmarks/shards/surfaces/{case}/seed-{seed}/{settings}/{scatteritem}.tsv"
        wildcard_constraints:
            case=cases_with(losses),
        conda:
            ENVIRONMENT
        threads: 1
        resources:
            **needs(mem_mb=2000, runtime=60, gpu=True),
        params:
            **surface_params(losses, OTHER_PLANES),
        message:
            "Shard {wildcards.scatteritem} of surfaces of {wildcards.case}, seed {wildcards.seed}"
        script:
            "../scripts/surfaces.py"


for losses in STUDY.cases_by_losses if HESSIAN_PLANES else ():

    rule:
        name:
            rule_name("find_hessian_directions", losses)
        input:
            checkpoints=of_losses(losses, "checkpoints.nc"),
            hessian=of_losses(losses, "hessian-final.nc"),
        output:
            of_losses(losses, *[f"directions-{plane}.nc" for plane in HESSIAN_PLANES]),
        log:
            "results/logs/hessian-directions/{case}/seed-{seed}.log",
        benchmark:
            "results/benchmarks/hessian-directions/{case}/seed-{seed}.tsv"
        wildcard_constraints:
            case=cases_with(losses),
        conda:
            ENVIRONMENT
        threads: 1
        resources:
            **needs(mem_mb=1000, runtime=10),
        params:
            planes=HESSIAN_PLANES,
            inputs=listed(of_losses(losses, "checkpoints.nc", "hessian-final.nc")),
            code=code("hessian_directions"),
        message:
            "Hessian directions for {wildcards.case}, seed {wildcards.seed}"
        script:
            "../scripts/hessian_directions.py"

    rule:
        name:
            rule_name("evaluate_hessian_surfaces", losses)
        input:
            directions=of_losses(losses, *[f"directions-{plane}.nc" for plane in HESSIAN_PLANES]),
            checkpoints=of_losses(losses, "checkpoints.nc"),
            reference=reference,
            parts=parts("surfaces", HESSIAN_SURFACE_PARTS, surface_params(losses, HESSIAN_PLANES)),
        output:
            of_losses(losses, *[f"surface-{plane}.nc" for plane in HESSIAN_PLANES]),
        log:
            "results/logs/hessian-surfaces/{case}/seed-{seed}.log",
        benchmark:
            "results/benchmarks/hessian-surfaces/{case}/seed-{seed}.tsv"
        wildcard_constraints:
            case=cases_with(losses),
        conda:
            ENVIRONMENT
        threads: 1
        resources:
            **needs(mem_mb=2000, runtime=60, gpu=True),
        params:
            **surface_params(losses, HESSIAN_PLANES),
        message:
            "Hessian surfaces of {wildcards.case}, seed {wildcards.seed}"
        script:
            "../scripts/surfaces.py"

    rule:
        name:
            rule_name("shard_hessian_surfaces", losses)
        input:
            directions=of_losses(losses, *[f"directions-{plane}.nc" for plane in HESSIAN_PLANES]),
            checkpoints=of_losses(losses, "checkpoints.nc"),
            reference=reference,
        output:
            temp(f"{HESSIAN_SURFACE_PARTS}/{PART}"),
        log:
            "results/logs/shards/hessian-surfaces/{case}/seed-{seed}/{settings}/{scatteritem}.log",
        benchmark:
            "results/benchmarks/shards/hessian-surfaces/{case}/seed-{seed}/{settings}/{scatteritem}.tsv"
        wildcard_constraints:
            case=cases_with(losses),
        conda:
            ENVIRONMENT
        threads: 1
        resources:
            **needs(mem_mb=2000, runtime=60, gpu=True),
        params:
            **surface_params(losses, HESSIAN_PLANES),
        message:
            "Shard {wildcards.scatteritem} of Hessian surfaces of {wildcards.case}, seed {wildcards.seed}"
        script:
            "../scripts/surfaces.py"
