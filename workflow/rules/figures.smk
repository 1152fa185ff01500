# Figures: results/figures/{name}-{case}.pdf and .png, drawn from NetCDF files without torch.


# For each rule: title in the report, inputs, and planes that grid.planes must contain.
PER_CASE = {
    "figure_solutions": ("Solutions and errors", {"solutions": seeds_of("solution.nc")}, ()),
    "figure_training_curves": ("Training", {"trainings": seeds_of("training.nc")}, ()),
    "figure_lines": ("Random lines", {"lines": shown_of("surface-lines.nc")}, ()),
    "figure_planes": ("Random planes", {"surfaces": shown_of("surface-random.nc")}, ("random",)),
    "figure_planes3d": ("Random planes in 3-D", {"surfaces": shown_of("surface-random.nc")}, ("random",)),
    "figure_cross": ("Cross-evaluated planes", {"surfaces": shown_of("surface-random.nc")}, ("random",)),
    "figure_trajectory": ("Trajectory planes", {"surfaces": shown_of("surface-trajectory.nc")}, ("trajectory",)),
    "figure_hessian_planes": (
        "Hessian planes",
        {"tops": shown_of("surface-hessian-top.nc"), "extremes": shown_of("surface-hessian-extreme.nc")},
        ("hessian-top", "hessian-extreme"),
    ),
    "figure_terms": (
        "Terms of the losses",
        {"surfaces": shown_of("surface-random.nc"), "hessians": shown_of("hessian-final.nc")},
        ("random",),
    ),
    "figure_spectra": ("Hessian spectra", {"hessians": seeds_of(*HESSIANS)}, ()),
    "figure_overview": (
        "Overview",
        {
            "surfaces": shown_of(*[f"surface-{plane}.nc" for plane in ("random", "trajectory") if plane in STUDY.planes]),
            "hessians": shown_of("hessian-final.nc"),
            "techniques": lambda wildcards: [
                TECHNIQUE_FILE.format(case=wildcards.case, technique=name) for name in STUDY.techniques_of(wildcards.case)
            ],
        },
        (),
    ),
}
SEEDED = ("figure_solutions", "figure_spectra", "figure_overview")  # figures that emphasise one seed
DRAWN = [rule for rule, (_, _, planes) in PER_CASE.items() if set(planes) <= set(STUDY.planes)]
SWEEPS = STUDY.sweeps if "random" in STUDY.planes else {}
WITH_TERMS = [case for case in STUDY.cases if STUDY.all_cases[case].has_terms]
CASES_DRAWN = {"figure_terms": WITH_TERMS, "figure_solutions": PROBLEMS}
FIGURES = [
    f"results/figures/{name}.{kind}"
    for name in [
        *[f"{rule.removeprefix('figure_')}-{case}" for rule in DRAWN for case in CASES_DRAWN.get(rule, STUDY.cases)],
        *[f"{technique}-{case}" for case in STUDY.cases for technique in STUDY.techniques_of(case)],
        *[f"sweep-{sweep}" for sweep in SWEEPS],
        "claims",
    ]
    for kind in ("pdf", "png")
]

for drawing in DRAWN:
    title, inputs, _ = PER_CASE[drawing]
    figure = drawing.removeprefix("figure_")

    rule:
        name:
            drawing
        input:
            **inputs,
        output:
            pdf=f"results/figures/{figure}-{{case}}.pdf",
            png=report(
                f"results/figures/{figure}-{{case}}.png",
                caption=f"../report/{figure}.rst",
                category="Figures",
                subcategory=title,
                labels={"figure": title, "case": "{case}"},
            ),
        log:
            f"results/logs/figures/{figure}-{{case}}.log",
        benchmark:
            f"results/benchmarks/figures/{figure}-{{case}}.tsv"
        conda:
            ENVIRONMENT
        threads: 1
        resources:
            **needs(mem_mb=1500, runtime=10),
        params:
            rule=drawing,
            seed=shown_seed if drawing in SEEDED else None,
            losses=losses_of,
            dpi=STUDY.figures()["dpi"],
            inputs=inputs_of(inputs),
            code=code(drawing),
        message:
            f"Figure {figure} of {{wildcards.case}}"
        script:
            # The rule name is a parameter, because this path is evaluated when the job runs, after the end of the loop.
            "../scripts/{params.rule}.py"


rule figure_technique:
    input:
        TECHNIQUE_FILE,
    output:
        pdf="results/figures/{technique}-{case}.pdf",
        png=report(
            "results/figures/{technique}-{case}.png",
            caption="../report/technique.rst",
            category="Figures",
            subcategory=lambda wildcards: TECHNIQUES[wildcards.technique].title,
            labels=lambda wildcards: {"figure": TECHNIQUES[wildcards.technique].title, "case": wildcards.case},
        ),
    log:
        "results/logs/figures/{technique}-{case}.log",
    benchmark:
        "results/benchmarks/figures/{technique}-{case}.tsv"
    wildcard_constraints:
        technique=any_of(STUDY.techniques),
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        **needs(mem_mb=1500, runtime=10),
    params:
        caption=lambda wildcards: TECHNIQUES[wildcards.technique].caption.replace("{case}", wildcards.case),
        losses=losses_of,
        dpi=STUDY.figures()["dpi"],
        code=code("figure_technique", package="figures"),
    message:
        "Figure {wildcards.technique} of {wildcards.case}"
    script:
        "../scripts/figure_technique.py"


rule figure_sweep:
    input:
        surfaces=surfaces_of_sweep,
        metrics=TABLES[0],
    output:
        pdf="results/figures/sweep-{sweep}.pdf",
        png=report(
            "results/figures/sweep-{sweep}.png",
            caption="../report/sweep.rst",
            category="Figures",
            subcategory="Sweeps",
            labels={"figure": "Sweep", "case": "{sweep}"},
        ),
    log:
        "results/logs/figures/sweep-{sweep}.log",
    benchmark:
        "results/benchmarks/figures/sweep-{sweep}.tsv"
    wildcard_constraints:
        sweep=any_of(SWEEPS),
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        **needs(mem_mb=1500, runtime=10),
    params:
        setting=lambda wildcards: STUDY.config.sweeps[wildcards.sweep].vary,
        cases=lambda wildcards: [list(item) for item in SWEEPS[wildcards.sweep].items()],
        inputs=lambda wildcards: listed(surfaces_of_sweep(wildcards)),
        dpi=STUDY.figures()["dpi"],
        code=code("figure_sweep"),
    message:
        "Figure of the sweep {wildcards.sweep}"
    script:
        "../scripts/figure_sweep.py"


rule figure_claims:
    input:
        claims=TABLES[1],
    output:
        pdf="results/figures/claims.pdf",
        png=report(
            "results/figures/claims.png", caption="../report/claims.rst", category="Figures", labels={"figure": "Claims"}
        ),
    log:
        "results/logs/figures/claims.log",
    benchmark:
        "results/benchmarks/figures/claims.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        **needs(mem_mb=1500, runtime=10),
    params:
        dpi=STUDY.figures()["dpi"],
        code=code("figure_claims"),
    message:
        "Figure of the claims"
    script:
        "../scripts/figure_claims.py"
