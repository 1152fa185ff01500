"""What is wrong with a problem's module is said from its text alone, before any job, and nothing is refused that may be right."""

import subprocess
import sys
from pathlib import Path

import pytest

from pinnscape.common.errors import ProblemError
from pinnscape.problems import catalog, source
from pinnscape.problems.catalog import Entry

HEAD = "from pinnscape.problems.base import Problem\n\n\n"
EXACT = "    def exact(self, x):\n        return x\n"
DENSITY = "    def density(self, x, u, du):\n        return u\n"


def checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> dict[str, Entry]:
    """Check a module as if it lay in the folder of problems; the entries that are found there."""
    folder = tmp_path / "workflow/pinnscape/problems"
    folder.mkdir(parents=True)
    for name in ("base.py", "poisson.py"):
        (folder / name).write_text(Path(source.__file__).with_name(name).read_text())
    (folder / "mine.py").write_text(text)
    monkeypatch.chdir(tmp_path)
    source.check(["mine"], folder)
    return dict(catalog.entries(folder))


def mine(body: str, bases: str = "(Problem)", sizes: str = "    dimension = 1\n") -> str:
    return f'{HEAD}class Mine{bases}:\n    name = "mine"\n{sizes}{body}'


FAULTS = {
    "no exact": (mine(DENSITY), "Mine.exact: is missing; define `def exact(self, x)`"),
    "no density": (mine(EXACT), "Mine.density: is missing; define `def density(self, x, u, du)`"),
    "inherited half": (
        f"{HEAD}class Base(Problem):\n{DENSITY}\n{mine('', '(Base)')}",
        "Mine.exact: is missing; define `def exact(self, x)`",
    ),
    "misspelt": (mine(f"{DENSITY}    def exakt(self, x):\n        return x\n"), "Mine.exact: is missing; "),
    "no problem": (mine(DENSITY + EXACT, ""), "Mine is no problem; write `class Mine(Problem)`"),
    "no Python": ("class Mine(Problem:\n", "line 1: "),
    "no dimension": (
        mine(DENSITY + EXACT, sizes=""),
        "Mine.dimension: is not stated as a plain value; write it like `dimension = 2`",
    ),
    "dimension that is computed": (mine(DENSITY + EXACT, sizes="    dimension = len('ab')\n"), "Mine.dimension: is not stated"),
    "components from elsewhere": (
        mine("", "(Base)").replace(HEAD, "from somewhere import Base\n\n\n"),
        "Mine.components: is not",
    ),
    "two of one name": (
        f"{mine(DENSITY + EXACT)}\n\n{mine('', '(Mine)').replace('class Mine', 'class Other')}",
        "Mine and workflow/pinnscape/problems/mine.py: Other: have one name, mine; change one of them",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_one_line_that_names_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str) -> None:
    text, said = FAULTS[fault]
    with pytest.raises(ProblemError) as caught:
        checked(tmp_path, monkeypatch, text)
    assert str(caught.value).startswith(f"workflow/pinnscape/problems/mine.py: {said}")


ALLOWED = {
    "inherited": 'from pinnscape.problems.poisson import Poisson1d\n\n\nclass Mine(Poisson1d):\n    name = "mine"\n    scale = 2.0\n',
    "not followed": mine('    components = ("u",)\n', "(Base)").replace(HEAD, "from somewhere import Base\n\n\n"),
    "mixed in": f"{HEAD}class Half:\n{EXACT}\n{mine(DENSITY, '(Half, Problem)')}",
    "decorated": mine("").replace("class Mine", "@helpers.problem\nclass Mine"),
    "assigned": mine("    density = exact = print\n"),
}


@pytest.mark.parametrize("kind", ALLOWED)
def test_what_cannot_be_told_from_the_text_is_left_to_the_check(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    assert checked(tmp_path, monkeypatch, ALLOWED[kind])["mine"] == Entry("mine", "Mine", 1, 1)


def test_an_entry_is_what_the_class_states(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = '    dimension = 3\n    components = ("u", "v")\n    parameters = {"k": (0.0, "above")}\n'
    found = checked(tmp_path, monkeypatch, mine(DENSITY + EXACT, sizes=sizes))
    assert found["mine"] == Entry("mine", "Mine", 3, 2, {"k": (0.0, "above")})
    assert set(found) == {"mine", "poisson1d", "poisson2d"}, "a base without a name is no problem of its own"


def test_a_module_that_is_no_python_hides_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ProblemError):
        checked(tmp_path, monkeypatch, "class Mine(Problem:\n")
    folder = tmp_path / "workflow/pinnscape/problems"
    assert {name for name, _ in catalog.entries(folder)} == {"poisson1d", "poisson2d"}
    source.check(["poisson1d"], folder)


@pytest.mark.parametrize("config", [{}, {"study": None}, {"study": {"problems": "a"}}, {"study": {"problems": [1, None]}}])
def test_names_are_looked_for_in_any_configuration(config: dict) -> None:
    assert source.named(config) == []
    assert source.named({"study": {"problems": ["a", 3, "b"]}}) == ["a", "b"]


def test_the_catalogue_is_sound_and_reading_it_does_not_load_torch() -> None:
    script = "import sys; from pinnscape.problems import source, catalog; source.check(catalog.CATALOG); sys.exit('torch' in sys.modules)"
    workflow = Path(__file__).resolve().parents[2] / "workflow"
    assert subprocess.run([sys.executable, "-c", script], cwd=workflow, check=False).returncode == 0
