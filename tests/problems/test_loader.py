"""Problems from files anywhere, and what is said of files that are not what they should be."""

import math
import sys
from pathlib import Path

import pytest

from pinnscape.common.errors import ProblemError
from pinnscape.problems.loader import load, load_class
from pinnscape.problems.registry import PROBLEMS

FILES = Path(__file__).parent / "user_files"
MINE = """
from pinnscape.problems.language import Dirichlet, Interval, Parameter, Problem

class _Base(Problem):
    domain = Interval(0, 1)

    def conditions(self):
        return Dirichlet()

class Mine(_Base):
    k = Parameter(2.0, above=0, text="stiffness")

    def density(self, p, u):
        return self.k * u.x**2
"""


def write(folder: Path, text: str, name: str = "mine.py") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_a_problem_of_a_file_is_the_one_class_in_it(tmp_path: Path) -> None:
    problem = load(str(write(tmp_path, MINE, "my folder/mine.py")), {"k": 3})
    assert (type(problem).__name__, problem.parameters) == ("Mine", {"k": 3.0})
    assert load(str(tmp_path / "my folder/mine.py")).parameters == {"k": 2.0}


def test_a_problem_of_the_library_has_a_name() -> None:
    for name in PROBLEMS:
        assert type(load(name)) is load_class(name)
    assert load("neo_hookean2d", {"lambda": 0.0}).parameters == {"mu": 1.0, "lambda": 0.0}


def test_a_file_is_run_once_for_each_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also if the size and the second of the change are the same, by which Python finds stored bytecode."""
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    path = str(write(tmp_path, MINE))
    first = load_class(path)
    assert load_class(path) is first
    write(tmp_path, MINE.replace("2.0", "5.0"))
    assert load(path).parameters == {"k": 5.0}
    assert first().parameters == {"k": 2.0}


def test_a_base_without_an_equation_is_not_a_choice(tmp_path: Path) -> None:
    base = "from pinnscape.problems.language import Interval, Problem\n\n\nclass Base(Problem):\n    domain = Interval()\n\n\n"
    assert load_class(str(write(tmp_path, base + MINE))).__name__ == "Mine"


def test_one_of_several_problems_is_named(tmp_path: Path) -> None:
    path = str(write(tmp_path, MINE + "\nclass Other(Mine):\n    pass\n"))
    assert load_class(f"{path}:Other").__name__ == "Other"
    with pytest.raises(ProblemError) as caught:
        load(path)
    assert str(caught.value) == f"{path}: 2 problems in this file, Mine, Other; name one, as in {path}:Mine"
    with pytest.raises(ProblemError) as caught:
        load(f"{path}:Third")
    assert str(caught.value) == f"{path}: no problem Third; there is Mine, Other"


def test_problems_that_a_file_imports_are_not_its_own(tmp_path: Path) -> None:
    path = write(tmp_path, "from pinnscape.problems.equations.wave import Wave\n\nclass Fast(Wave):\n    scale = 2.0\n")
    assert load_class(str(path)).__name__ == "Fast"


def test_modules_beside_a_file_can_be_imported(tmp_path: Path) -> None:
    write(tmp_path, "STIFFNESS = 7.0\n", "constants_of_mine.py")
    path = write(
        tmp_path,
        MINE.replace("class Mine", "import constants_of_mine\n\nclass Mine").replace("2.0", "constants_of_mine.STIFFNESS"),
    )
    assert load(str(path)).parameters == {"k": 7.0}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("class Mine:\n    pass\n", "no problem in this file; define a subclass of pinnscape.problems.problem.Problem"),
        ("class Mine(\n", "line 1: SyntaxError: '(' was never closed; mend it"),
        ("import math\nmath.nosuch\n", "line 2: AttributeError: module 'math' has no attribute 'nosuch'; mend it"),
        ("import nosuchmodule\n", "line 1: ModuleNotFoundError: No module named 'nosuchmodule'; mend it"),
        (
            MINE.replace("Interval(0, 1)", "Interval(1, 0)"),
            "line 5: ValueError: the bounds of `x` must be two numbers, the lower one first, not (1, 0)",
        ),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_in_one_line(tmp_path: Path, monkeypatch, text: str, said: str) -> None:
    write(tmp_path, text)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ProblemError) as caught:
        load("mine.py")
    assert str(caught.value).startswith("mine.py: ")
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_files_and_unknown_names_are_refused_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "none.py"
    for name, said in (
        (str(path), f"{path}: cannot be read (No such file or directory); a problem is a name, or a path that ends in .py"),
        (
            "poison",
            "poison: no such problem; there are poisson1d, poisson2d, semilinear2d, neo_hookean2d, convection, reaction, wave, burgers, l_shape",
        ),
    ):
        with pytest.raises(ProblemError) as caught:
            load(name)
        assert said in str(caught.value)


def test_parameters_that_do_not_fit_are_refused_in_one_line(tmp_path: Path) -> None:
    path = str(write(tmp_path, MINE))
    for name, parameters, said in (
        (path, {"kk": 1.0}, f"{path}: Mine has no parameter `kk`; it has k"),
        (path, {"k": -1.0}, f"{path}: Mine: `k`, the stiffness, must be a number above 0, not -1.0"),
        ("burgers", {"nu": math.nan}, "burgers: Burgers: `nu`, the viscosity, must be a number above 0, not nan"),
    ):
        with pytest.raises(ProblemError) as caught:
            load(name, parameters)
        assert str(caught.value) == said


def test_a_class_that_cannot_be_made_is_refused_in_one_line(tmp_path: Path) -> None:
    path = str(write(tmp_path, MINE + "\n    def __init__(self):\n        raise RuntimeError('no\\nway')\n"))
    with pytest.raises(ProblemError) as caught:
        load(path)
    assert str(caught.value) == f"{path}: Mine cannot be made (RuntimeError: no); mend the class"


def test_the_files_of_users_load_by_themselves() -> None:
    found = {path.stem: type(load(str(path))).__name__ for path in sorted(FILES.glob("*.py"))}
    assert found == {"robin_disk": "HeatedPlate", "third_order": "Sound", "two_equations": "FitzHughNagumo"}
