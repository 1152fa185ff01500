"""What runs again after which edit: exactly what depends on it."""

import os
import re
from itertools import product
from pathlib import Path

import pytest
from end_to_end.workspace import Workspace, jobs

pytestmark = pytest.mark.xdist_group("workflow")  # one process runs them all: they share one finished study

OWN = {"poisson1d": {"quadrature": {"points": 12}}, "neo_hookean2d": {}}  # as in tests/tiny.yaml
CASES = tuple(OWN)
LOSSES = ("deep-ritz", "strong-form")
STAGES = ("select_checkpoints", "find_directions", "measure_hessians", "find_hessian_directions")
SURFACES = ("evaluate_surfaces", "evaluate_hessian_surfaces")
TABLES = {("collect_metrics",), ("judge_claims",), ("figure_claims",)}
OF_PLANES = ("lines", "planes", "planes3d", "cross", "trajectory", "overview")  # surfaces other than those of the Hessian
OF_SURFACES = (*OF_PLANES, "hessian_planes")
DRAWINGS = ("solutions", "training_curves", "spectra", *OF_SURFACES)


def stages(*rules: str, cases=CASES, seed="0"):
    return {(rule, case, seed) for rule, case in product(rules, cases)}


def trainings(cases=CASES, seed="0"):
    return {("train_network", case, loss, seed) for case, loss in product(cases, LOSSES)}


def checks(cases=CASES):
    return {("check_problem", case) for case in cases}


def figures(*names: str, cases=CASES):
    return {(f"figure_{name}", case) for name, case in product(names, cases)}


ALL_FIGURES = figures(*DRAWINGS) | {("figure_claims",)}
AFTER_TRAINING = stages(*STAGES, *SURFACES) | ALL_FIGURES | TABLES


def test_after_a_run_nothing_is_left_to_do(study: Workspace) -> None:
    done = study.snakemake("-c2")
    assert done.returncode == 0
    assert "Nothing to be done" in done.stdout + done.stderr
    assert study.planned() == set()


def test_touching_every_source_file_reruns_nothing(study: Workspace) -> None:
    for path in [study.root / "Snakefile", study.root / "config.yaml", *(study.root / "workflow").rglob("*.*")]:
        os.utime(path)
    assert study.planned() == set()


def test_layout_and_comments_of_the_configuration_rerun_nothing(study: Workspace) -> None:
    with study.edited("config.yaml", append="\n# a remark\n"):
        assert study.planned() == set()


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("figures/planes.py", figures("planes", "planes3d") | figures("planes")),
        ("figures/spectra.py", figures("spectra", "overview")),
        ("figures/style.py", ALL_FIGURES),
        ("landscape/roughness.py", TABLES),
        ("landscape/chebyshev.py", stages(*SURFACES) | figures(*OF_SURFACES) | TABLES),
        ("__init__.py", set()),
        ("problems/registry.py", set()),
        ("tables/claims.py", {("judge_claims",), ("figure_claims",)}),
        ("landscape/surfaces.py", stages(*SURFACES) | figures(*OF_SURFACES) | TABLES),
        (
            "linalg/trace.py",
            stages("measure_hessians", "find_hessian_directions", "evaluate_hessian_surfaces")
            | figures("hessian_planes", "spectra", "overview")
            | TABLES,
        ),
        ("training/optimizers.py", checks() | trainings() | AFTER_TRAINING),
        ("validation/weak.py", set()),  # what has passed has passed
        (
            "problems/equations/neo_hookean.py",
            checks(("neo_hookean2d",))
            | trainings(("neo_hookean2d",))
            | stages(*STAGES, *SURFACES, cases=("neo_hookean2d",))
            | figures(*DRAWINGS, cases=("neo_hookean2d",))
            | TABLES,
        ),
    ],
)
def test_a_comment_in_a_module_reruns_the_stages_that_import_it(study: Workspace, path: str, expected: set) -> None:
    if path == "figures/planes.py":
        expected = importers(study.root, "planes")
    with study.edited(f"workflow/pinnscape/{path}", append="\n# a remark\n"):
        assert study.planned() == expected


def test_edits_that_are_taken_back_leave_nothing_to_do(study: Workspace) -> None:
    assert study.planned() == set()


def importers(root: Path, module: str) -> set:
    """Figures whose module is, or imports by name, a module of figures/; figures alone."""
    names = {module}
    for file in (root / "workflow/pinnscape/figures").glob("*.py"):
        if re.search(
            rf"from pinnscape\.figures import [^\n]*\b{module}\b|from pinnscape\.figures\.{module} import", file.read_text()
        ):
            names.add(file.stem)
    return figures(*[name for name in names if name in DRAWINGS])


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ({"grid": {"tolerance": 1e-4}}, stages(*SURFACES) | figures(*OF_SURFACES) | TABLES),
        ({"grid": {"points": 9}}, stages(*SURFACES) | figures(*OF_SURFACES) | TABLES),
        ({"grid": {"radius": {"hessian-top": 0.25}}}, stages("evaluate_hessian_surfaces") | figures("hessian_planes") | TABLES),
        ({"claims": {"smooth": {"variation": 1.5}}}, {("judge_claims",), ("figure_claims",)}),
        ({"claims": {"alike": {"subspace": 2}}}, TABLES),
        ({"figures": {"dpi": 70}}, ALL_FIGURES),
        ({"device": "cpu"}, set()),
        ({"training": {"log_every": 6}}, trainings() | AFTER_TRAINING),
        ({"engine": {"compile": "never"}}, checks() | trainings() | AFTER_TRAINING),
        (
            {"cases": OWN | {"neo_hookean2d": {"parameters": {"mu": 2.0}}}},
            checks(("neo_hookean2d",))
            | trainings(("neo_hookean2d",))
            | stages(*STAGES, *SURFACES, cases=("neo_hookean2d",))
            | figures(*DRAWINGS, cases=("neo_hookean2d",))
            | TABLES,
        ),
        ({"checkpoints": {"middle": 0.5}}, AFTER_TRAINING - figures("solutions", "training_curves")),
        (
            {"directions": {"lines": 4}},
            stages("find_directions", "evaluate_surfaces") | figures(*OF_PLANES) | TABLES,
        ),
        (
            {"hessian": {"density": {"bins": 70}}},
            stages("measure_hessians", "find_hessian_directions", "evaluate_hessian_surfaces")
            | figures("hessian_planes", "spectra", "overview")
            | TABLES,
        ),
        (
            {"study": {"seeds": [0, 1]}},
            trainings(seed="1")
            | stages(*STAGES, *SURFACES, seed="1")
            | figures("solutions", "training_curves", "spectra")
            | TABLES,
        ),
        (
            {"grid": {"planes": ["random", "hessian-top", "hessian-extreme"]}},
            stages("find_directions", "evaluate_surfaces") | figures(*(set(OF_PLANES) - {"trajectory"})) | TABLES,
        ),
        (
            {"grid": {"planes": ["random", "trajectory", "hessian-top"]}},
            stages("find_hessian_directions", "evaluate_hessian_surfaces") | TABLES,
        ),
        ({"cases": {"neo_hookean2d": {}}}, TABLES),
        ({"cases": OWN | {"poisson1d": {"quadrature": {"points": 12}, "problem": "poisson1d"}}}, set()),
        (
            {"cases": OWN | {"poisson2d": {}}},
            checks(("poisson2d",))
            | trainings(("poisson2d",))
            | stages(*STAGES, *SURFACES, cases=("poisson2d",))
            | figures(*DRAWINGS, cases=("poisson2d",))
            | TABLES,
        ),
        (
            {"sweeps": {"width": {"case": "poisson1d", "vary": "network.width", "values": [3, 5]}}},
            checks(("width-3", "width-5"))
            | trainings(("width-3", "width-5"))
            | stages(*STAGES, *SURFACES, cases=("width-3", "width-5"))
            | figures(*DRAWINGS, cases=("width-3", "width-5"))
            | {("figure_sweep", "width")}
            | TABLES,
        ),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
def test_a_setting_reruns_the_stages_that_depend_on_it(study: Workspace, override: dict, expected: set) -> None:
    with study.with_settings(override):
        assert study.planned() == expected


def test_a_deleted_figure_is_drawn_again_alone(study: Workspace) -> None:
    path = study.root / "results/figures/lines-poisson1d.png"
    before = path.read_bytes()
    path.unlink()
    assert study.planned() == figures("lines", cases=("poisson1d",))
    assert jobs(study.run()) == figures("lines", cases=("poisson1d",))
    assert path.read_bytes() == before
    assert study.planned() == set()


def test_an_edit_that_is_run_leaves_nothing_to_do(study: Workspace) -> None:
    before = (study.root / "results/tables/claims.csv").read_bytes()
    expected = {("judge_claims",), ("figure_claims",)}
    with study.with_settings({"claims": {"smooth": {"variation": 0.01}}}):
        assert jobs(study.run()) == expected
        assert study.planned() == set()
        assert (study.root / "results/tables/claims.csv").read_bytes() != before
    assert jobs(study.run()) == expected
    assert (study.root / "results/tables/claims.csv").read_bytes() == before
