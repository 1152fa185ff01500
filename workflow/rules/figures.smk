# One rule a figure: `figure_{name}` draws results/figures/{name}-{problem}.pdf and .png from NetCDF files alone, without torch.

# Name: title in the report, inputs, planes that must be in grid.planes.
PER_PROBLEM = {
    "solutions": ("Solutions and errors", {"solutions": of_seeds("solution.nc")}, ()),
    "training_curves": ("Training", {"trainings": of_seeds("training.nc")}, ()),
    "lines": ("Random lines", {"lines": of_shown("surface-lines.nc")}, ()),
    "planes": ("Random planes", {"surfaces": of_shown("surface-random.nc")}, ("random",)),
    "planes3d": ("Random planes in 3-D", {"surfaces": of_shown("surface-random.nc")}, ("random",)),
    "cross": ("Cross-evaluated planes", {"surfaces": of_shown("surface-random.nc")}, ("random",)),
    "trajectory": ("Trajectory planes", {"surfaces": of_shown("surface-trajectory.nc")}, ("trajectory",)),
    "hessian_planes": (
        "Hessian planes",
        {"tops": of_shown("surface-hessian-top.nc"), "extremes": of_shown("surface-hessian-extreme.nc")},
        ("hessian-top", "hessian-extreme"),
    ),
    "spectra": ("Hessian spectra", {"hessians": of_seeds(*HESSIANS)}, ()),
}
for technique in STUDY.techniques:
    PER_PROBLEM[technique] = (TECHNIQUES[technique].title, {"file": technique_file(technique)}, ())
PER_PROBLEM["portrait"] = (
    "Portrait of both formulations",
    {
        "surfaces": of_shown(*[f"surface-{plane}.nc" for plane in ("random", "trajectory") if plane in STUDY.planes]),
        "hessians": of_shown("hessian-final.nc"),
        "techniques": [technique_file(technique) for technique in STUDY.techniques],
    },
    (),
)
SEEDED = ("solutions", "spectra", "portrait")  # these get all seeds and bring one forward
DRAWN = [name for name, (_, _, planes) in PER_PROBLEM.items() if set(planes) <= set(STUDY.planes)]
FIGURES = [
    *expand("results/figures/{name}-{problem}.{kind}", name=DRAWN, problem=STUDY.problems, kind=("pdf", "png")),
    *expand("results/figures/claims.{kind}", kind=("pdf", "png")),
]

for name in DRAWN:
    title, inputs, _ = PER_PROBLEM[name]

    rule:
        name:
            f"figure_{name}"
        input:
            **inputs,
        output:
            pdf=f"results/figures/{name}-{{problem}}.pdf",
            png=report(
                f"results/figures/{name}-{{problem}}.png",
                caption=f"../report/{name}.rst",
                category="Figures",
                subcategory=title,
                labels={"figure": title, "problem": "{problem}"},
            ),
        log:
            f"results/logs/figures/{name}-{{problem}}.log",
        benchmark:
            f"results/benchmarks/figures/{name}-{{problem}}.tsv"
        conda:
            ENVIRONMENT
        threads: 1
        resources:
            **needs(mem_mb=1500, runtime=10),
        params:
            figure=name,
            seed=STUDY.figure_seed if name in SEEDED else None,
            dpi=STUDY.figures()["dpi"],
            inputs=listed(*inputs.values()),
            code=code(f"figure_{name}"),
        message:
            f"Figure {name} of {{wildcards.problem}}"
        script:
            # Evaluated when the job runs, so the name of the loop would be the last one.
            "../scripts/figure_{params.figure}.py"


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
