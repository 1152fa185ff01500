# Checks of the problems, numerical references, training of the networks, and selection of the checkpoints for the later stages.
CHECK = "results/{case}/check.nc"


rule check:
    input:
        expand(CHECK, case=STUDY.cases),


rule reference:
    input:
        REFERENCES,


rule compute_reference:
    output:
        REFERENCE,
    log:
        "results/logs/reference/{case}.log",
    benchmark:
        "results/benchmarks/reference/{case}.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        **needs(mem_mb=2000, runtime=30),
    params:
        problem=lambda wildcards: STUDY.model(wildcards.case)["problem"],
        parameters=lambda wildcards: STUDY.model(wildcards.case)["parameters"],
        code=code("reference", problem=True),
    message:
        "Numerical reference of {wildcards.case}"
    script:
        "../scripts/reference.py"


rule check_problem:
    input:
        reference=reference,
    output:
        CHECK,
    log:
        "results/logs/check/{case}.log",
    benchmark:
        "results/benchmarks/check/{case}.tsv"
    wildcard_constraints:
        case=any_of(PROBLEMS),
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        **needs(mem_mb=1500, runtime=10, gpu=True),
    params:
        engine=STUDY.engine(),
        model=lambda wildcards: STUDY.model(wildcards.case),
        steps=lambda wildcards: sum(phase["steps"] for phase in STUDY.training(wildcards.case)["phases"]),
        # The code of the training, not of the checks: the training depends on the check, so changed checks would trigger it
        # again.
        code=code("train", problem=True),
    message:
        "Checking {wildcards.case}"
    script:
        "../scripts/check.py"


rule check_module:
    output:
        CHECK,
    log:
        "results/logs/check/{case}.log",
    benchmark:
        "results/benchmarks/check/{case}.tsv"
    wildcard_constraints:
        case=any_of(MODULES),
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        **needs(mem_mb=1500, runtime=10, gpu=True),
    params:
        model=lambda wildcards: STUDY.model(wildcards.case),
        code=code("train_module", problem=True),
    message:
        "Checking {wildcards.case}"
    script:
        "../scripts/check_module.py"


rule train_module:
    input:
        check=CHECK,
        weights=weights,
    output:
        "results/{case}/{trained_on}/seed-{seed}/training.nc",
    log:
        "results/logs/train/{case}/{trained_on}/seed-{seed}.log",
    benchmark:
        "results/benchmarks/train/{case}/{trained_on}/seed-{seed}.tsv"
    wildcard_constraints:
        case=any_of(MODULES),
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        **needs(mem_mb=2000, runtime=60, gpu=True),
    params:
        model=lambda wildcards: STUDY.model(wildcards.case),
        training=lambda wildcards: STUDY.training(wildcards.case),
        inputs=lambda wildcards: listed(weights(wildcards)),
        code=code("train_module", problem=True),
    message:
        "Training {wildcards.case}, {wildcards.trained_on}, seed {wildcards.seed}"
    script:
        "../scripts/train_module.py"


# Snakemake does not cache rules with a benchmark (https://github.com/snakemake/snakemake/issues/2238; at least 7.30 to 9.27.1),
# and `benchmark` cannot be conditional. Therefore `train_network` is this rule with `cache` if --cache is given, and with
# `benchmark` otherwise. `train_plain` itself never runs.
rule train_plain:
    input:
        check=CHECK,
        reference=reference,
    output:
        training="results/{case}/{trained_on}/seed-{seed}/training.nc",
        solution="results/{case}/{trained_on}/seed-{seed}/solution.nc",
    log:
        "results/logs/train/{case}/{trained_on}/seed-{seed}.log",
    wildcard_constraints:
        case=any_of(PROBLEMS),
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        **needs(mem_mb=2000, runtime=60, gpu=True),
    params:
        engine=STUDY.engine(),
        model=lambda wildcards: STUDY.model(wildcards.case),
        training=lambda wildcards: STUDY.training(wildcards.case),
        code=code("train", problem=True),
        entry=cache_entry,
    message:
        "Training {wildcards.case}, {wildcards.trained_on}, seed {wildcards.seed}"
    script:
        "../scripts/train.py"


if workflow.enable_cache:

    use rule train_plain as train_network with:
        cache: "omit-software"

else:

    use rule train_plain as train_network with:
        benchmark:
            "results/benchmarks/train/{case}/{trained_on}/seed-{seed}.tsv"


ruleorder: train_network > train_plain


for losses in STUDY.cases_by_losses:

    rule:
        name:
            rule_name("select_checkpoints", losses)
        input:
            of_losses(losses, "training.nc"),
        output:
            of_losses(losses, "checkpoints.nc"),
        log:
            "results/logs/checkpoints/{case}/seed-{seed}.log",
        benchmark:
            "results/benchmarks/checkpoints/{case}/seed-{seed}.tsv"
        wildcard_constraints:
            case=cases_with(losses),
        conda:
            ENVIRONMENT
        threads: 1
        resources:
            **needs(mem_mb=1000, runtime=10),
        params:
            fractions=STUDY.checkpoints(),
            inputs=listed(of_losses(losses, "training.nc")),
            code=code("checkpoints"),
        message:
            "Checkpoints of {wildcards.case}, seed {wildcards.seed}"
        script:
            "../scripts/checkpoints.py"
