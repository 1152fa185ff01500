# One rule a technique: `measure_{name}` writes results/{problem}/{name}.nc with all formulations and seeds of a problem. Where runs are treated one
# by one, `shard_{name}` does some of them.

for technique in STUDY.techniques:
    TECHNIQUE_PARTS = f"results/shards/{technique}/{{problem}}"

    rule:
        name:
            f"measure_{technique}"
        input:
            **of_technique(technique),
            parts=parts("techniques", TECHNIQUE_PARTS, technique_params(technique)) if TECHNIQUES[technique].splits else [],
        output:
            technique_file(technique),
        log:
            f"results/logs/techniques/{technique}-{{problem}}.log",
        benchmark:
            f"results/benchmarks/techniques/{technique}-{{problem}}.tsv"
        conda:
            ENVIRONMENT
        threads: 1
        resources:
            **needs(mem_mb=3000, runtime=120, gpu=not TECHNIQUES[technique].surfaces),
        params:
            **technique_params(technique),
        message:
            f"Technique {technique} of {{wildcards.problem}}"
        script:
            # Evaluated when the job runs, so the name of the loop would be the last one.
            "../scripts/{params.technique}.py"

    if TECHNIQUES[technique].splits:

        rule:
            name:
                f"shard_{technique}"
            input:
                **of_technique(technique),
            output:
                temp(f"{TECHNIQUE_PARTS}/{PART}"),
            log:
                f"results/logs/shards/{technique}/{{problem}}/{{settings}}/{{scatteritem}}.log",
            benchmark:
                f"results/benchmarks/shards/{technique}/{{problem}}/{{settings}}/{{scatteritem}}.tsv"
            conda:
                ENVIRONMENT
            threads: 1
            resources:
                **needs(mem_mb=3000, runtime=120, gpu=True),
            params:
                **technique_params(technique),
            message:
                f"Shard {{wildcards.scatteritem}} of technique {technique} of {{wildcards.problem}}"
            script:
                "../scripts/{params.technique}.py"
