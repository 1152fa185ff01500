# Hessian spectra at the checkpoints.
HESSIAN_PARTS = "results/shards/hessians/{case}/seed-{seed}"

for losses in STUDY.cases_by_losses:

    rule:
        name:
            rule_name("measure_hessians", losses)
        input:
            checkpoints=of_losses(losses, "checkpoints.nc"),
            reference=reference,
            parts=parts("hessians", HESSIAN_PARTS, hessian_params(losses)),
        output:
            of_losses(losses, *HESSIANS),
        log:
            "results/logs/hessian/{case}/seed-{seed}.log",
        benchmark:
            "results/benchmarks/hessian/{case}/seed-{seed}.tsv"
        wildcard_constraints:
            case=cases_with(losses),
        conda:
            ENVIRONMENT
        threads: 1
        resources:
            **needs(mem_mb=3000, runtime=60, gpu=True),
        params:
            **hessian_params(losses),
        message:
            "Hessians of {wildcards.case}, seed {wildcards.seed}"
        script:
            "../scripts/hessian.py"

    rule:
        name:
            rule_name("shard_hessians", losses)
        input:
            checkpoints=of_losses(losses, "checkpoints.nc"),
            reference=reference,
        output:
            temp(f"{HESSIAN_PARTS}/{PART}"),
        log:
            "results/logs/shards/hessians/{case}/seed-{seed}/{settings}/{scatteritem}.log",
        benchmark:
            "results/benchmarks/shards/hessians/{case}/seed-{seed}/{settings}/{scatteritem}.tsv"
        wildcard_constraints:
            case=cases_with(losses),
        conda:
            ENVIRONMENT
        threads: 1
        resources:
            **needs(mem_mb=3000, runtime=60, gpu=True),
        params:
            **hessian_params(losses),
        message:
            "Shard {wildcards.scatteritem} of Hessians of {wildcards.case}, seed {wildcards.seed}"
        script:
            "../scripts/hessian.py"
