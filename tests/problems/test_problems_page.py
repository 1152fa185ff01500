"""The page on problems: its examples run, and its tables are what the code says."""

import re
import textwrap
from pathlib import Path

import pytest
import yaml
from study_cases import changed, checked

from pinnscape.problems import language, statement
from pinnscape.problems.conditions import Condition
from pinnscape.problems.domains.domain import Domain
from pinnscape.problems.points import RULES
from pinnscape.problems.problem import OPTIONAL
from pinnscape.problems.reference import WAYS
from pinnscape.problems.registry import PROBLEMS
from pinnscape.study.configuration import CaseSettings

PAGE = (Path(__file__).parents[2] / "docs/problems.md").read_text(encoding="utf-8")


def block(language: str, beginning: str) -> str:
    """The block of code that has some text."""
    blocks = re.findall(rf"(?ms)^ *```{language}\n(.*?)^ *```$", PAGE)
    (found,) = (code for code in map(textwrap.dedent, blocks) if beginning in code)
    return found


def in_my_problems(folder: Path, code: str) -> None:
    (folder / "my_problems").mkdir()
    (folder / "my_problems/mine.py").write_text(code, encoding="utf-8")


def section(title: str) -> str:
    return PAGE.split(f"## {title}\n")[1].split("\n## ")[0]


def first_cells(title: str) -> list[str]:
    """The code in the first column of the table of a section."""
    return [re.findall(r"`([^`]+)`", line.split(" | ")[0]) for line in section(title).splitlines() if line.startswith("| `")]


def test_the_examples_run(tmp_path: Path, monkeypatch, capsys) -> None:
    in_my_problems(tmp_path, block("python", "class Convection"))
    monkeypatch.chdir(tmp_path)
    exec(block("python", "import statement"), {})  # noqa: S102 - our own page
    assert capsys.readouterr().out.splitlines() == ["()", "interior (1, 100, 2)", "initial (1, 100, 2)"]


def test_a_problem_is_added_in_at_most_twenty_lines(tmp_path: Path, monkeypatch) -> None:
    python, case = block("python", "class Convection"), block("yaml", "my_problems/mine.py")
    assert len((python + case).splitlines()) <= 20
    in_my_problems(tmp_path, python)
    monkeypatch.chdir(tmp_path)
    study = checked(changed(("cases", yaml.safe_load(case))))
    assert study.cases == ("mine",)
    assert study.losses("mine") == ("strong-form", "supervised")
    assert study.all_cases["mine"].problem.parameters == {"beta": 10.0}
    terms = statement.terms(study.all_cases["mine"].problem, "strong-form", study.all_cases["mine"].model.condition_settings)
    assert {term.name: term.weight for term in terms} == {"interior": 1.0, "initial": 100.0, "periodic": 1.0}


def test_the_cases_and_sweeps_of_the_page_are_a_study() -> None:
    study = checked(changed(*yaml.safe_load(block("yaml", "sweeps:")).items()))
    assert study.cases == ("convection", "soft", "beta-1", "beta-10", "width-8", "width-32")
    keys = [key for cells in first_cells("Cases and sweeps") for key in cells]
    assert set(keys) == set(CaseSettings.model_fields)


def test_every_problem_is_listed() -> None:
    assert [cells[0] for cells in first_cells("Problems of the library")] == list(PROBLEMS)


def test_every_domain_is_listed_with_its_pieces() -> None:
    lines = [line for line in section("Domains").splitlines() if line.startswith("| `")]
    assert len(lines) == 6
    for line in lines:
        makers, _, pieces, groups = line.strip("| ").split(" | ")
        for code in re.findall(r"`([^`]+)`", makers):
            domain = eval(code, vars(language))
            assert isinstance(domain, Domain)
            assert set(re.findall(r"`(\w+)`", groups)) == set(domain.groups)
            if "..." not in pieces and domain.time is None:
                assert set(re.findall(r"`(\w+)`", pieces)) == set(domain.pieces)
            assert set(re.findall(r"`(\w+)`", pieces)) <= {*domain.pieces, *(f"{v}_{s}" for v in "xy" for s in ("min", "max"))}


def test_every_condition_is_listed_with_the_name_of_its_term() -> None:
    listed = {}
    for line in section("Conditions").splitlines():
        if line.startswith("| `"):
            maker, _, name, hard, soft = line.strip("| ").split(" | ")
            listed[re.findall(r"\w+", maker)[0]] = (re.findall(r"`(\w+)`", name)[0], hard == "yes", soft == "yes")
    kinds = {name: kind for name, kind in vars(language).items() if isinstance(kind, type) and issubclass(kind, Condition)}
    assert listed == {name: (kind.default_name, kind.default_enforce == "hard", True) for name, kind in kinds.items()}


def test_every_method_rule_and_way_is_listed() -> None:
    methods = {re.findall(r"\w+", cell)[0] for cells in first_cells("What a class states") for cell in cells}
    assert methods == {*OPTIONAL, "domain", "conditions", "reference", "components", "scale"}
    assert set(re.findall(r"`([a-z-]+)`", section("Points"))) >= set(RULES)
    assert set(re.findall(r'"([a-z]+-[a-z-]+)"', section("What a class states"))) == set(WAYS)
    assert re.findall(r"- `([a-z-]+)`", section("Numerical references")) == list(WAYS[1:] + WAYS[:1])
    forms = (statement.DEEP_RITZ, statement.STRONG_FORM, statement.SUPERVISED)
    assert all(f"`{form}`" in section("What a class states") for form in forms)


@pytest.mark.parametrize(
    "name", [name for name in language.__all__ if name[0].islower() and name not in ("pi", "cube", "polar")]
)
def test_every_function_is_named(name: str) -> None:
    assert f"`{name}`" in section("Points and fields")
