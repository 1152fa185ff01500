"""The library as a package: what `import pinnscape` gives, what pip makes of the project, and the link that `make` sets up."""

import ast
import doctest
import re
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from importlib import metadata
from pathlib import Path

import pytest
import yaml

import pinnscape

pytestmark = pytest.mark.xdist_group("installed")  # one process runs them all: they share what a fixture makes

ROOT = Path(__file__).parents[2]
LIBRARY = ROOT / "workflow/pinnscape"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PINS = dict(re.findall(r"(?m)^([\w-]+)==(\S+)$", (ROOT / "envs/requirements.txt").read_text(encoding="utf-8")))


def python(*arguments: str, path: Path, cwd: Path) -> str:
    """What a Python says that finds the library in one folder."""
    command = [sys.executable, *arguments]
    done = subprocess.run(command, cwd=cwd, env={"PYTHONPATH": str(path)}, check=True, capture_output=True, text=True)
    return done.stdout


# ---- import ----


def test_an_import_takes_no_time_and_loads_nothing(tmp_path: Path) -> None:
    program = "import sys, time; t = time.perf_counter(); import pinnscape; print(time.perf_counter() - t, *sys.modules)"
    times = []
    for _ in range(3):  # the machine may be busy
        seconds, *modules = python("-c", program, path=ROOT / "workflow", cwd=tmp_path).split()
        assert [name for name in modules if name.startswith("pinnscape")] == ["pinnscape"]
        assert not {"torch", "numpy", "xarray", "snakemake"} & set(modules)
        times.append(float(seconds))
    assert min(times) < 0.1


def test_every_name_leads_somewhere() -> None:
    assert set(pinnscape.__all__) <= set(dir(pinnscape))
    for name in pinnscape.__all__:
        assert getattr(pinnscape, name).__doc__, name
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = pinnscape.nothing  # pyright: ignore[reportAttributeAccessIssue]


@pytest.mark.slow
def test_the_examples_of_the_docstring_give_what_they_show() -> None:
    failed, tried = doctest.testmod(pinnscape)
    assert (failed, tried) == (0, 7)


# ---- what pip reads ----


def test_the_version_is_stated_once() -> None:
    assert "version" not in PROJECT["project"]
    assert PROJECT["tool"]["setuptools"]["dynamic"]["version"] == {"attr": "pinnscape.__version__"}
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == pinnscape.__version__
    assert f"## {pinnscape.__version__} (" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_the_lower_bounds_are_the_pins_of_the_environment() -> None:
    bounds = dict(re.findall(r"^([\w-]+)>=(\S+)$", line)[0] for line in PROJECT["project"]["dependencies"])
    assert bounds == {name: PINS[name] for name in bounds}


def test_what_the_library_imports_is_what_it_depends_on() -> None:
    packages = metadata.packages_distributions()
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in LIBRARY.rglob("*.py")]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module}
    foreign = {name.split(".")[0] for name in names} - sys.stdlib_module_names - {"pinnscape"}
    needed = {packages[name][0].lower() for name in foreign} - {
        "pydantic_core",
        "lightning",
    }  # pydantic pins the one; the other is optional
    assert needed == {re.split("[>]", line)[0].lower() for line in PROJECT["project"]["dependencies"]}


# ---- what pip makes ----


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of the project, built without a network from a copy, so that nothing is left in the checkout."""
    source, target = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy2(ROOT / name, source)
    shutil.copytree(ROOT / "workflow", source / "workflow", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--no-deps",
        "--no-build-isolation",
        "--no-index",
        "--disable-pip-version-check",
    ]
    subprocess.run([*command, "--wheel-dir", target, source], check=True, capture_output=True)
    (made,) = target.glob("pinnscape-*.whl")
    return made


def test_a_wheel_holds_the_library_and_nothing_else(wheel: Path) -> None:
    assert wheel.name == f"pinnscape-{pinnscape.__version__}-py3-none-any.whl"
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    files = {path for path in LIBRARY.rglob("*") if path.is_file() and path.suffix != ".pyc"}
    assert names == {path.relative_to(ROOT / "workflow").as_posix() for path in files}


@pytest.mark.slow
def test_a_wheel_works_without_the_checkout(wheel: Path, tmp_path: Path) -> None:
    target = tmp_path / "packages"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(target)
    for package in Path(sysconfig.get_path("purelib")).iterdir():  # as pip would have put it beside them
        if not (target / package.name).exists():
            (target / package.name).symlink_to(package)
    program = """\
import pinnscape
from importlib.metadata import version
from pinnscape.files import provenance
objective = pinnscape.objective("poisson1d", "strong-form", width=3, depth=1, points=8)
run = pinnscape.train(objective, phases=[{"optimizer": "lbfgs", "steps": 3, "history_size": 5, "gradient_tolerance": 1e-9}])
plane = pinnscape.plane(objective, run["theta"][-1], points=3)
print(pinnscape.__file__, version("pinnscape"), objective.size, plane["value"].size, provenance.imports.cache_info().currsize)
"""
    *said, read = python("-c", program, path=target, cwd=tmp_path).split()
    assert said == [str(target / "pinnscape/__init__.py"), pinnscape.__version__, "10", "27"]
    assert int(read) < 50, "the packages beside the library are no part of it"


# ---- what `make` sets up ----


def test_the_link_moves_with_the_folder_and_its_environment(tmp_path: Path) -> None:
    here, there = tmp_path / "my 'study' & #1", tmp_path / "moved {é}"
    (here / "workflow/pinnscape").mkdir(parents=True)
    (here / "workflow/logger/snakemake_logger_plugin_pinnscape").mkdir(parents=True)
    for name in ("link.py", "pinnscape/__init__.py", "logger/snakemake_logger_plugin_pinnscape/__init__.py"):
        shutil.copy2(ROOT / "workflow" / name, here / "workflow" / name)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", here / ".venv"], check=True)
    subprocess.run([here / ".venv/bin/python", "workflow/link.py"], check=True, cwd=here)
    here.rename(there)
    program = "import pinnscape, importlib.util as u; print(pinnscape.__file__); print(u.find_spec('snakemake_logger_plugin_pinnscape').origin)"
    command = [there / ".venv/bin/python", "-X", "utf8", "-c", program]
    said = subprocess.run(command, check=True, capture_output=True, encoding="utf-8", cwd=tmp_path).stdout.splitlines()
    assert said == [
        str(there / "workflow" / name)
        for name in ("pinnscape/__init__.py", "logger/snakemake_logger_plugin_pinnscape/__init__.py")
    ]
