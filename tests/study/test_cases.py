"""Cases and sweeps of a study: their settings, losses, and the techniques that are left out for them."""

from typing import Any

import pytest
from problem_texts import EQUATION
from study_cases import DEFAULT, NAMES, WIDTHS, changed, checked

from pinnscape.common.errors import StudyError
from pinnscape.losses.model import network
from pinnscape.problems.registry import PROBLEMS
from pinnscape.study.cases import case_name, with_value
from pinnscape.study.study import Study
from pinnscape.techniques.catalog import TECHNIQUES


def of_cases(**cases: Any) -> Study:
    """A study of these cases alone."""
    return checked(changed(("cases", cases)))


@pytest.mark.parametrize("name", PROBLEMS)
def test_each_problem_of_the_library_is_a_case_by_its_name(name):
    study = of_cases(**{name: {}})
    assert study.cases == (name,)
    assert study.model(name)["problem"] == name
    assert study.all_cases[name].file.is_file()


def test_several_cases_share_a_problem():
    study = of_cases(slow={"problem": "convection", "parameters": {"beta": 1}}, fast={"problem": "convection"})
    assert study.cases == ("slow", "fast")
    assert study.model("slow") == study.model("fast") | {"parameters": {"beta": 1.0}}
    assert study.all_cases["slow"].problem.parameters == {"beta": 1.0}
    assert study.all_cases["fast"].problem.parameters == {"beta": 30.0}


def test_a_case_has_the_losses_of_its_problem_in_the_order_of_the_study():
    study = of_cases(poisson2d={}, convection={}, beam={}, burgers={})
    assert {name: study.losses(name) for name in study.cases} == {
        "poisson2d": ("deep-ritz", "strong-form", "supervised"),
        "convection": ("strong-form", "supervised"),
        "beam": ("deep-ritz", "strong-form", "supervised"),
        "burgers": ("strong-form", "supervised"),
    }
    assert study.cases_by_losses == {
        ("deep-ritz", "strong-form", "supervised"): ("poisson2d", "beam"),
        ("strong-form", "supervised"): ("convection", "burgers"),
    }
    assert next(iter(study.cases_by_losses)) == study.losses("poisson2d")
    assert study.runs[-6:] == [("burgers", loss, seed) for loss in ("strong-form", "supervised") for seed in (0, 1, 2)]
    one = checked(changed(("cases", {"convection": {}, "poisson2d": {}}), ("study.losses", ["supervised", "strong-form"])))
    assert one.cases_by_losses == {("supervised", "strong-form"): ("convection", "poisson2d")}


def test_what_a_problem_knows_of_its_solution(tmp_path):
    (tmp_path / "mine.py").write_text(EQUATION)
    study = of_cases(poisson1d={}, burgers={}, mine={"problem": str(tmp_path / "mine.py")})
    known = {name: (not case.lacks("solution"), case.needs_reference) for name, case in study.all_cases.items()}
    assert known == {"poisson1d": (True, False), "burgers": (True, True), "mine": (False, False)}
    assert study.losses("mine") == ("deep-ritz", "strong-form")


def test_a_problem_is_a_file_anywhere(tmp_path, monkeypatch):
    (tmp_path / "my problems").mkdir()
    (tmp_path / "my problems/mine.py").write_text(EQUATION + "\n\nclass Other(Mine):\n    scale = 2.0\n")
    monkeypatch.chdir(tmp_path)
    path = "my problems/mine.py"
    study = of_cases(one={"problem": f"{path}:Mine", "parameters": {"k": 3}}, two={"problem": f"{path}:Other"})
    assert str(study.all_cases["two"].file) == path
    assert [case.problem.scale for case in study.all_cases.values()] == [1.0, 2.0]
    assert study.all_cases["one"].problem.parameters == {"k": 3.0}


# ---- sweeps ----


def test_a_sweep_makes_a_case_of_each_value():
    config = changed(("cases.poisson2d", {"quadrature": {"points": 12}, "network": {"depth": 3}}), ("sweeps.width", WIDTHS))
    study = checked(config)
    assert study.cases == (*NAMES, "width-8", "width-12")
    base = study.model("poisson2d")
    for name, width in (("width-8", 8), ("width-12", 12)):
        assert study.model(name) == base | {"network": base["network"] | {"width": width}}
        assert study.training(name) == study.training("poisson2d")
    assert study.sweeps == {"width": {8: "width-8", 12: "width-12"}}
    assert study.swept_values == {"width-8": ("width", 8), "width-12": ("width", 12)}


def test_a_value_that_the_case_of_a_sweep_has_makes_no_other_case():
    betas = {"case": "convection", "vary": "parameters.beta", "values": [1, 30]}  # 30 is the default of the problem
    widths = {"case": "convection", "vary": "network.width", "values": [16, 8]}
    study = checked(changed(("cases", {"convection": {}}), ("sweeps", {"beta": betas, "width": widths})))
    assert study.cases == ("convection", "beta-1", "width-8")
    assert study.sweeps == {"beta": {1: "beta-1", 30: "convection"}, "width": {16: "convection", 8: "width-8"}}
    assert study.swept_values["convection"] == ("beta", 30)


@pytest.mark.parametrize(
    ("problem", "conditions", "several"),
    [
        ("convection", {}, False),
        ("convection", {"initial": {"enforce": "soft"}}, True),
        ("poisson2d", {"boundary": {"enforce": "soft"}}, True),
        ("poisson2d", {}, False),
    ],
)
def test_soft_conditions_are_further_terms(problem, conditions, several):
    study = checked(changed(("cases", {"it": {"problem": problem, "conditions": conditions}})))
    assert study.all_cases["it"].has_terms == several


@pytest.mark.parametrize(
    ("case", "vary", "values", "read"),
    [
        ("convection", "parameters.beta", [1, 30.5], lambda case: case.problem.parameters["beta"]),
        ("poisson2d", "network.activation", ["sin", "tanh"], lambda case: case.model.network.activation),
        ("poisson2d", "network.scaled", [False, True], lambda case: case.model.network.scaled),
        ("poisson2d", "quadrature.rule", ["sobol", "uniform"], lambda case: case.model.quadrature.rule),
        ("poisson2d", "problem", ["semilinear2d", "l_shape"], lambda case: case.model.problem),
        ("poisson2d", "training.snapshots.even", [3, 5], lambda case: case.training.snapshots.even),
        ("soft", "conditions.initial.weight", [1, 100], lambda case: case.model.conditions["initial"].weight),
        ("soft", "conditions.initial.enforce", ["soft", "hard"], lambda case: case.model.conditions["initial"].enforce),
    ],
)
def test_any_setting_of_a_case_can_be_swept(case, vary, values, read):
    soft = {"problem": "convection", "conditions": {"initial": {"enforce": "soft", "weight": 10}}}
    cases = {"poisson2d": {}, "convection": {}, "soft": soft}
    study = checked(changed(("cases", cases), ("sweeps", {"it": {"case": case, "vary": vary, "values": values}})))
    swept = study.sweeps["it"]
    assert list(swept) == values
    assert [read(study.all_cases[name]) for name in swept.values()] == values


@pytest.mark.parametrize(
    ("value", "name"),
    [(8, "it-8"), (30.0, "it-30"), (0.5, "it-0_5"), (-1, "it--1"), (1e-5, "it-1e-05"), (1e20, "it-1e_20"), ("sin", "it-sin"), (True, "it-true"), ("../X", "it-___x")],
)  # fmt: skip
def test_names_of_cases_of_sweeps_are_names_of_folders(value, name):
    assert case_name("it", value) == name


def test_a_value_at_a_dotted_key_keeps_the_keys_beside_it():
    own = {"network": {"width": 3, "depth": 1}, "problem": "wave"}
    assert with_value(own, "network.width", 5) == {"network": {"width": 5, "depth": 1}, "problem": "wave"}
    assert with_value(own, "a.b", 5) == own | {"a": {"b": 5}}
    assert own["network"]["width"] == 3


def test_the_complete_configuration_of_a_study_makes_the_same_study():
    config = changed(("sweeps.width", WIDTHS), ("cases.soft", {"problem": "wave", "conditions": {"rate": {"enforce": "soft"}}}))
    study = checked(config)
    again = checked(study.complete())
    assert again.complete() == study.complete()
    assert [again.model(name) for name in again.cases] == [study.model(name) for name in study.cases]
    assert again.cases == study.cases


# ---- what is left out ----


def test_techniques_that_need_what_a_case_lacks_are_left_out_with_the_reason(tmp_path):
    (tmp_path / "mine.py").write_text(EQUATION)
    cases = {
        "poisson2d": {},
        "convection": {},
        "gated": {"problem": "poisson2d", "network": {"architecture": "modified"}},
        "mine": {"problem": str(tmp_path / "mine.py")},
    }
    study = checked(changed(("cases", cases)) | {"extended": True})
    draws = {"noise": "needs random points, quadrature.rule: sobol, latin-hypercube, monte-carlo"}
    both, solution = "needs the losses deep-ritz and strong-form", "needs an exact solution or a reference"
    plain = "needs a network whose hidden units can be permuted, network.architecture: mlp"
    assert study.left_out("poisson2d") == draws
    assert study.left_out("convection") == draws | {"three_points": both, "formulations": both, "alike": both}
    assert study.left_out("gated") == draws | {"barriers": plain}
    assert study.left_out("mine") == draws | {"intrinsic_dimension": solution}
    for case in cases:
        left = set(study.left_out(case)) - {"alike"}
        assert study.techniques_of(case) == tuple(name for name in TECHNIQUES if name not in left)


def test_losses_that_the_study_does_not_minimise_are_lacking():
    study = checked(
        changed(("study.losses", ["strong-form", "supervised"]), ("quadrature.rule", "sobol"), ("cases", {"poisson2d": {}}))
    )
    both = "needs the losses deep-ritz and strong-form"
    assert study.left_out("poisson2d") == {"three_points": both, "formulations": both, "alike": both}


def test_only_techniques_of_the_study_are_left_out():
    study = checked(
        changed(("cases", {"convection": {}}), ("techniques", {"without": ["formulations", "three_points", "noise"]}))
    )
    assert set(study.left_out("convection")) == {"alike"}


# ---- conditions ----

TWO_VALUES = """
from pinnscape.problems.language import Dirichlet, Interval, Problem


class Mine(Problem):
    domain = Interval()

    def conditions(self):
        return Dirichlet("x_min", 1, name="left"), Dirichlet("x_max", lambda p: 2 * p.x, name="right")

    def residual(self, p, u):
        return u.xx
"""


def test_a_case_may_soften_conditions_that_have_no_lift(tmp_path):
    (tmp_path / "mine.py").write_text(TWO_VALUES)
    case = {"problem": str(tmp_path / "mine.py")}
    soft = {"enforce": "soft"}
    study = of_cases(mine=case | {"conditions": {"left": soft, "right": soft}})
    assert study.all_cases["mine"].has_terms
    with pytest.raises(StudyError, match=r"mine\.py: Mine\.conditions: .*define `?def lift"):
        of_cases(mine=case)


# ---- networks ----


@pytest.mark.parametrize("architecture", ["mlp", "residual", "modified"])
@pytest.mark.parametrize("more", [{}, {"scaled": True}, {"fourier": 3}, {"width": 5, "depth": 3}])
@pytest.mark.parametrize("name", ["poisson1d", "neo_hookean2d", "convection", "waves"])
def test_the_size_of_each_network_is_known_without_it(architecture, more, name):
    waves = {"problem": "convection", "conditions": {"periodic": {"harmonics": 4}}}
    case = (waves if name == "waves" else {}) | {"network": {"architecture": architecture, **more}}
    made = of_cases(**{name: case}).all_cases[name]
    assert made.size == network(made.model).size


def test_the_settings_of_a_case_do_not_change_those_of_others():
    study = checked(changed(("cases.soft", {"problem": "poisson2d", "conditions": {"boundary": {"enforce": "soft"}}})))
    assert study.model("poisson2d") == checked(DEFAULT).model("poisson2d")
    assert study.model("soft") == study.model("poisson2d") | {"conditions": {"boundary": {"enforce": "soft"}}}
