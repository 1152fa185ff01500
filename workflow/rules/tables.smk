# Tables: all metrics in long form, and the verdicts that follow from them.
TABLES = ["results/tables/metrics.csv", "results/tables/claims.csv"]


MEASURED = {
    "checkpoints": of_runs("checkpoints.nc"),
    "training": of_runs("training.nc"),
    "hessians": of_runs(*HESSIANS),
    "surfaces": of_runs(*[f"surface-{plane}.nc" for plane in STUDY.planes]),
    "techniques": of_techniques(),
}


rule collect_metrics:
    input:
        **MEASURED,
    output:
        report(TABLES[0], caption="../report/metrics.rst", category="Tables", labels={"table": "metrics"}),
    log:
        "results/logs/metrics.log",
    benchmark:
        "results/benchmarks/metrics.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        **needs(mem_mb=2000, runtime=20),
    params:
        spectra={
            "rank": STUDY.claims()["well_conditioned"]["rank"],
            "subspace": STUDY.claims()["alike"]["subspace"],
            "eigenvalues": STUDY.claims()["alike"]["eigenvalues"],
        },
        radius=STUDY.claims()["convex"]["radius"],
        sweeps={case: list(place) for case, place in sorted(STUDY.swept_values.items())},
        losses=sorted(STUDY.all_losses),
        compared={case: list(STUDY.all_cases[case].compared) for case in sorted(STUDY.cases)},
        inputs=listed(*MEASURED.values()),
        code=code("metrics"),
        techniques=digest_of(
            modules=[LIBRARY / "techniques" / f"{name}.py" for name in STUDY.techniques],
            leaving_out=("TECHNIQUE", "METRICS", "Settings", "measure"),
        ),
    message:
        "Collecting metrics"
    script:
        "../scripts/metrics.py"


rule judge_claims:
    input:
        TABLES[0],
    output:
        report(TABLES[1], caption="../report/claims_table.rst", category="Tables", labels={"table": "claims"}),
    log:
        "results/logs/claims.log",
    benchmark:
        "results/benchmarks/claims.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        **needs(mem_mb=1000, runtime=10),
    params:
        claims=STUDY.claims(),
        planes=[plane for plane in STUDY.planes if plane != "lines"],
        techniques=list(STUDY.techniques),
        left_out={case: STUDY.left_out(case) for case in sorted(STUDY.cases)},
        baseline=STUDY.baseline(),
        code=code("claims"),
    message:
        "Judging claims"
    script:
        "../scripts/claims.py"
