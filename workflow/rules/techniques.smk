# One rule a technique: `measure_{name}` writes results/{problem}/{name}.nc with all formulations and seeds of a problem.

for technique in STUDY.techniques:

    rule:
        name:
            f"measure_{technique}"
        input:
            **of_technique(technique),
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
            technique=technique,
            engine=STUDY.engine(),
            model=lambda wildcards: STUDY.model(wildcards.problem),
            settings=STUDY.technique(technique),
            code=code(technique, problem=True),
        message:
            f"Technique {technique} of {{wildcards.problem}}"
        script:
            # Evaluated when the job runs, so the name of the loop would be the last one.
            "../scripts/{params.technique}.py"
