# One self-contained page with all figures and tables.


rule write_report:
    input:
        TABLES,
        FIGURES,
    output:
        "results/report.html",
    log:
        "results/logs/report.log",
    benchmark:
        "results/benchmarks/report.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        **needs(mem_mb=2000, runtime=20),
    params:
        config={key: value for key, value in config.items() if key != "shards"},
        inputs=listed(TABLES, FIGURES),
        captions=lambda wildcards: [path.read_text(encoding="utf-8") for path in sorted((WORKFLOW / "report").glob("*.rst"))],
        code=code("report"),
    message:
        "Report"
    script:
        "../scripts/report.py"
