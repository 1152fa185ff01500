"""Faulty problems are refused in one line that names file, class, method and remedy; sound ones are not, whatever they are written with."""

from pathlib import Path

import pytest
from problems import faulty_solutions, faulty_statements
from problems.sound_statements import SOUND, WARNED

from pinnscape.common.errors import ProblemError
from pinnscape.problems import statement
from pinnscape.problems.language import Problem
from pinnscape.problems.loader import load
from pinnscape.problems.registry import PROBLEMS
from pinnscape.validation.check import validate

FILES = Path(__file__).parent / "user_files"


@pytest.mark.parametrize(
    ("cls", "method", "said"),
    [*faulty_statements.FAULTY, *faulty_solutions.FAULTY],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_faulty_problem_is_refused_in_one_line(cls: type[Problem], method: str, said: str) -> None:
    with pytest.raises(ProblemError) as caught:
        validate(cls())
    line = str(caught.value)
    assert f"tests/{cls.__module__.replace('.', '/')}.py: {cls.__name__}.{method}: " in line
    assert said in line
    assert "\n" not in line
    assert len(line) < 500


@pytest.mark.parametrize("cls", SOUND, ids=lambda cls: cls.__name__)
def test_a_sound_problem_is_not_refused(cls: type[Problem]) -> None:
    report = validate(cls())
    assert report.findings
    assert all(finding.deviation <= finding.tolerance for finding in report.findings)
    assert bool(report.warnings) == (cls in {case[0] for case in WARNED})


@pytest.mark.parametrize(
    "name", [*PROBLEMS, *(str(path) for path in sorted(FILES.glob("*.py")))], ids=lambda name: Path(name).stem
)
def test_problems_of_the_library_and_of_users_pass_with_a_margin(name: str) -> None:
    problem = load(name)
    report = validate(problem)
    assert not report.warnings
    assert all(finding.deviation <= 0.1 * finding.tolerance for finding in report.findings)
    checks = {finding.check for finding in report.findings}
    names = [condition.name for condition in statement.conditions(problem)]
    if problem.has("exact"):
        assert {f"condition_{condition}" for condition in names} <= checks
    hard = {condition.name for condition in statement.ansatz(problem).hard}
    assert {f"hard_{condition}" for condition in hard} <= checks


def test_a_check_is_of_the_conditions_as_the_configuration_has_them() -> None:
    problem = faulty_solutions.NoLiftForTwoSides()
    with pytest.raises(ProblemError, match="hard condition right"):
        validate(problem)
    checks = {finding.check for finding in validate(problem, {"right": {"enforce": "soft"}}).findings}
    assert "hard_boundary" in checks
    assert "hard_right" not in checks


@pytest.mark.parametrize(("cls", "said"), WARNED, ids=lambda value: getattr(value, "__name__", ""))
def test_what_is_no_fault_but_worth_knowing_is_a_warning(cls: type[Problem], said: str) -> None:
    warnings = validate(cls()).warnings
    assert any(said in warning for warning in warnings)
    assert all(warning.isprintable() for warning in warnings)
