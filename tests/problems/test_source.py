"""What is wrong with a problem's module is said from its text alone, before any job, and nothing is refused that may be right."""

import subprocess
import sys
from pathlib import Path

import pytest

from pinnscape.common.errors import ProblemError
from pinnscape.problems import source
from pinnscape.problems.catalog import CATALOG, Entry

HEAD = "from pinnscape.problems.base import Problem\n\n\n"
EXACT = "    def exact(self, x):\n        return x\n"
DENSITY = "    def density(self, x, u, du):\n        return u\n"


def checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str | None, entry: Entry | None = None) -> None:
    """Check a module as if it lay in the folder of problems."""
    folder = tmp_path / "workflow/pinnscape/problems"
    folder.mkdir(parents=True)
    for name in ("base.py", "poisson.py"):
        (folder / name).write_text(Path(source.__file__).with_name(name).read_text())
    if text is not None:
        (folder / "mine.py").write_text(text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(source, "__file__", str(folder / "source.py"))
    monkeypatch.setattr(source, "_ROOT", tmp_path / "workflow")
    monkeypatch.setattr(source, "_BASE", (folder / "base.py", "Problem"))
    monkeypatch.setitem(CATALOG, "mine", entry or Entry("mine", "Mine", 1, 1))
    source.check(["mine"])


FAULTS = {
    "no exact": (
        f"{HEAD}class Mine(Problem):\n    dimension = 1\n\n{DENSITY}",
        "Mine.exact: is missing; define `def exact(self, x)`",
    ),
    "no density": (f"{HEAD}class Mine(Problem):\n{EXACT}", "Mine.density: is missing; define `def density(self, x, u, du)`"),
    "inherited half": (
        f"{HEAD}class Base(Problem):\n{DENSITY}\n\nclass Mine(Base):\n    dimension = 1\n",
        "Mine.exact: is missing; define `def exact(self, x)`",
    ),
    "misspelt": (
        f"{HEAD}class Mine(Problem):\n{DENSITY}\n    def exakt(self, x):\n        return x\n",
        "Mine.exact: is missing; ",
    ),
    "no class": (
        f"{HEAD}class Other(Problem):\n{DENSITY}{EXACT}",
        "no class Mine, which problems/catalog.py names for the problem mine; there is Other",
    ),
    "no problem": (f"class Mine:\n{DENSITY}{EXACT}", "Mine is no problem; write `class Mine(Problem)`"),
    "no Python": ("class Mine(Problem:\n", "line 1: "),
    "no file": (None, "no such file, but problems/catalog.py looks for the problem mine there"),
    "dimension": (
        f"{HEAD}class Mine(Problem):\n    dimension = 2\n{DENSITY}{EXACT}",
        "Mine has dimension 2, but problems/catalog.py says 1",
    ),
    "components": (
        f'{HEAD}class Mine(Problem):\n    dimension = 1\n    components = ("u", "v")\n{DENSITY}{EXACT}',
        "Mine has number of components 2, but problems/catalog.py says 1 for the problem mine",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_one_line_that_names_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str) -> None:
    text, said = FAULTS[fault]
    with pytest.raises(ProblemError) as caught:
        checked(tmp_path, monkeypatch, text)
    assert str(caught.value).startswith(f"workflow/pinnscape/problems/mine.py: {said}")


ALLOWED = {
    "inherited": "from pinnscape.problems.poisson import Poisson1d\n\n\nclass Mine(Poisson1d):\n    scale = 2.0\n",
    "renamed": "from pinnscape.problems.poisson import Poisson1d as Mine\n",
    "not followed": "from somewhere import Base\n\n\nclass Mine(Base):\n    dimension = 1\n",
    "mixed in": f"{HEAD}class Half:\n{EXACT}\n\nclass Mine(Half, Problem):\n{DENSITY}",
    "decorated": f"{HEAD}import helpers\n\n\n@helpers.problem\nclass Mine(Problem):\n    dimension = 1\n",
    "made": f"{HEAD}Mine = type('Mine', (Problem,), {{}})\n",
    "assigned": f"{HEAD}class Mine(Problem):\n    density = exact = print\n",
}


@pytest.mark.parametrize("kind", ALLOWED)
def test_what_cannot_be_told_from_the_text_is_left_to_the_check(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    checked(tmp_path, monkeypatch, ALLOWED[kind])


def test_the_catalogue_is_sound_and_reading_it_does_not_load_torch() -> None:
    script = "import sys; from pinnscape.problems import source, catalog; source.check(catalog.CATALOG); sys.exit('torch' in sys.modules)"
    workflow = Path(__file__).resolve().parents[2] / "workflow"
    assert subprocess.run([sys.executable, "-c", script], cwd=workflow, check=False).returncode == 0
