# Training, and the checkpoints that are looked at.


rule train_network:
    output:
        training="results/{problem}/{formulation}/seed-{seed}/training.nc",
        solution="results/{problem}/{formulation}/seed-{seed}/solution.nc",
    log:
        "results/logs/train/{problem}/{formulation}/seed-{seed}.log",
    benchmark:
        "results/benchmarks/train/{problem}/{formulation}/seed-{seed}.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        gpu=gpus,
        device=STUDY.device,
        mem_mb=2000,
        runtime=60,
    params:
        engine=STUDY.engine(),
        model=lambda wildcards: STUDY.model(wildcards.problem),
        training=lambda wildcards: STUDY.training(wildcards.problem),
        code=code("train", problem=True),
    message:
        "Training {wildcards.problem}, {wildcards.formulation}, seed {wildcards.seed}"
    script:
        "../scripts/train.py"


rule select_checkpoints:
    input:
        of_formulations("training.nc"),
    output:
        of_formulations("checkpoints.nc"),
    log:
        "results/logs/checkpoints/{problem}/seed-{seed}.log",
    benchmark:
        "results/benchmarks/checkpoints/{problem}/seed-{seed}.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        fractions=STUDY.checkpoints(),
        inputs=listed(of_formulations("training.nc")),
        code=code("checkpoints"),
    message:
        "Checkpoints of {wildcards.problem}, seed {wildcards.seed}"
    script:
        "../scripts/checkpoints.py"
