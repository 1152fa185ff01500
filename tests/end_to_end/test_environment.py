"""Whatever surrounds a study: names of its folder, locale, home, folders of somebody else, dates that a copy gave. It works, or stops with one line."""

import os
import random
import shutil
import subprocess
import sys
import venv
from collections.abc import Iterator
from pathlib import Path

import pytest
from end_to_end.faults import CHECKPOINTS, RUN, TOUCH, message, small
from end_to_end.workspace import PROJECT, Workspace, data_files, merged

pytestmark = pytest.mark.xdist_group("workflow")  # one process runs them all: they share one finished study

CASE = "neo_hookean2d"
# All that shells, make, URLs, formats and patterns take for something else.
ODD = "My 'study' \"v2\" (é) & {y} $HOME #1 %20 `id`; [a] b=c, *?!~^<>|"
# Root may write everywhere, unless it gives that right away.
ROOT, CAN_GIVE_AWAY = os.geteuid() == 0, bool(shutil.which("setpriv"))
ORDINARY = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"] if ROOT and CAN_GIVE_AWAY else []
needs_ordinary = pytest.mark.skipif(
    ROOT and not CAN_GIVE_AWAY and "CI" not in os.environ, reason="runs as a user who may not write everywhere"
)


def call(workspace: Workspace, *command: str, **environment: str | None) -> subprocess.CompletedProcess[str]:
    """A command in a process of its own, with other variables in its environment; None takes one away."""
    changed = workspace.environment | environment
    return subprocess.run(
        [*ORDINARY, *command],
        cwd=workspace.root,
        env={key: value for key, value in changed.items() if value is not None},
        capture_output=True,
        encoding="utf-8",
        timeout=600,
        check=False,
    )


def snakemake(workspace: Workspace, *arguments: str, **environment: str | None) -> subprocess.CompletedProcess[str]:
    return call(workspace, sys.executable, "-m", "snakemake", *arguments, **environment)


@pytest.fixture
def closed(tmp_path: Path) -> Iterator[Path]:
    """A folder in which nobody may write."""
    folder = tmp_path / "closed"
    folder.mkdir(mode=0o555)
    yield folder
    folder.chmod(0o755)


def copied(study: Workspace, root: Path) -> Workspace:
    """A workspace with the settings of a study, the project's make and an interpreter of its own, as a clone has them; without results."""
    root.mkdir(parents=True)
    workspace = Workspace(root, fresh=True)
    workspace.config(study.settings)
    shutil.copy2(PROJECT / "Makefile", root)
    interpreter(root)
    return workspace


def interpreter(root: Path) -> None:
    """What `make` takes for a finished environment: one that finds the packages of the tests' own, and the library of the folder."""
    venv.create(root / ".venv", symlinks=True)
    (library,) = (root / ".venv/lib").glob("python*/site-packages")
    (library / "project.pth").write_text(
        "\n".join(path for path in sys.path if path.endswith("site-packages")), encoding="utf-8"
    )
    subprocess.run([root / ".venv/bin/python", root / "workflow/link.py"], check=True)
    (root / ".venv/ready").touch()


# ---- folders, locales, homes ----


def rows_of(case: str, path: Path) -> list[str]:
    return [line for line in path.read_text(encoding="utf-8").splitlines() if case in line]


@pytest.mark.slow
def test_make_gives_the_same_bytes_in_a_folder_of_any_name_in_an_ascii_locale_and_without_a_home(
    study: Workspace, tmp_path: Path, closed: Path
) -> None:
    """A whole study with its report as users run it. The study that it is compared with has another case too, and its scripts ran in forks."""
    other = copied(study, tmp_path / ODD)
    other.config(merged(other.settings, {"cases": {CASE: {}}}))
    with (other.root / "config.yaml").open("a", encoding="utf-8") as file:
        file.write("# Bézier, 日本\n")
    around = {"HOME": f"{closed}/nobody", "XDG_CACHE_HOME": None, "LC_ALL": "C", "PYTHONUTF8": "0"}
    done = call(other, "make", "report", **around)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert "Matplotlib" not in done.stderr
    files, expected = ([path for path in data_files(root) if CASE in str(path)] for root in (other.root, study.root))
    assert files == expected
    assert len([path for path in files if path.suffix == ".nc"]) == 1 + 2 * (3 + 3 + 5 + 5)
    assert len([path for path in files if path.suffix != ".nc"]) == 2 * 10
    assert [path for path in files if (study.root / path).read_bytes() != (other.root / path).read_bytes()] == []
    for table in ("metrics.csv", "claims.csv"):
        rows, same = (rows_of(CASE, root / "results/tables" / table) for root in (other.root, study.root))
        assert len(rows) > 20
        assert rows == same
    assert f"figures/solutions-{CASE}.png" in (other.root / "results/report.html").read_text(encoding="utf-8")
    python = [".venv/bin/python", "-m", "snakemake", "-c1"]
    compiled = call(other, *python, "--config", "engine={compile: always}", "--", "check", **around)
    assert compiled.returncode == 0, compiled.stdout + compiled.stderr
    assert list((other.root / ".cache/kernels").glob("*.so")), "compiled there"


@pytest.mark.parametrize("name", ["a\\b", "a\nb"])
def test_a_folder_in_which_nothing_can_work_is_one_line(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    workspace = Workspace(tmp_path / name)
    done = workspace.snakemake("-n")
    assert done.returncode == 1
    (line,) = message(done.stdout + done.stderr)
    assert line.endswith("rename it")
    shutil.copy2(PROJECT / "Makefile", workspace.root)
    made = call(workspace, "make")
    assert made.returncode == 2
    assert made.stderr.splitlines()[0] == line


@pytest.fixture(scope="module")
def latin(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a locale that is not in UTF-8: Latin-1 where the system can make it, else ASCII."""
    folder = tmp_path_factory.mktemp("locales")
    command = ["localedef", "--no-archive", "-i", "en_US", "-f", "ISO-8859-1", str(folder / "en_US.ISO-8859-1")]
    made = shutil.which("localedef") and not subprocess.run(command, capture_output=True, check=False).returncode
    return {"LOCPATH": str(folder), "LC_ALL": "en_US.ISO-8859-1"} if made else {"LC_ALL": "C", "PYTHONUTF8": "0"}


def test_a_finished_study_stays_finished_whatever_surrounds_it(study: Workspace, tmp_path: Path, latin: dict[str, str]) -> None:
    elsewhere = ["--directory", str(study.root), "--snakefile", str(study.root / "Snakefile")]
    done = subprocess.run(
        [sys.executable, "-m", "snakemake", "-n", *elsewhere, "all"],
        cwd=tmp_path,
        env=study.environment | latin | {"TZ": "Asia/Tokyo", "HOME": str(tmp_path), "USER": "somebody", "PYTHONHASHSEED": "7"},
        capture_output=True,
        encoding="latin-1",
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Nothing to be done" in done.stdout + done.stderr


# ---- folders of somebody else ----


@needs_ordinary
@pytest.mark.parametrize("name", ["results/logs", "results/benchmarks/train", "results", ".snakemake", ".snakemake/metadata"])
def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path, name: str) -> None:
    workspace = small(tmp_path)
    folder = tmp_path / name
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o555)
    try:
        done = snakemake(workspace, "-c1", f"{RUN}/training.nc")
    finally:
        folder.chmod(0o755)
    output = done.stdout + done.stderr
    assert done.returncode == 1, output
    assert "Traceback" not in output
    lines = message(output)
    assert f"{name} belongs to {folder.owner()}: make it writable, or run in a copy of the project" in lines[0]
    assert len(set(lines)) == 1


# ---- copies ----


def shuffled(study: Workspace, root: Path) -> Workspace:
    """A copy whose files have dates in any order, as `cp -r` and the like may give them."""
    other = Workspace.__new__(Workspace)
    other.root = shutil.copytree(study.root, root, copy_function=shutil.copy, symlinks=True)
    files = sorted(path for path in (root / "results").rglob("*") if path.is_file())
    random.Random(0).shuffle(files)
    for number, path in enumerate(files):
        os.utime(path, (1e9 + number, 1e9 + number))
    return other


def test_results_that_are_copied_without_records_count_as_up_to_date_once_they_are_touched(
    study: Workspace, tmp_path: Path
) -> None:
    other = shuffled(study, tmp_path / "copy")
    shutil.rmtree(other.root / ".snakemake")
    assert other.planned(), "an input that is younger than an output makes it stale"
    other.run(*TOUCH)
    assert other.planned() == set()
    files = data_files(study.root)
    assert [path for path in files if (other.root / path).read_bytes() != (study.root / path).read_bytes()] == []
    (other.root / "results/figures/lines-poisson1d.png").unlink()
    assert other.planned() == {("figure_lines", "poisson1d")}


def test_a_copy_with_its_records_needs_nothing(study: Workspace, tmp_path: Path) -> None:
    assert shuffled(study, tmp_path / "copy").planned() == set()


# ---- the command line ----


def test_truth_values_and_numbers_of_the_command_line_are_read_as_yaml_reads_them(study: Workspace) -> None:
    techniques = {job[0] for job in study.planned("--config", "extended=yes")}
    assert techniques == set(), "the tiny study leaves all of them out"
    for given in ("extended=OFF", "network={width: 4, depth: 1}"):
        assert study.planned("--config", given) == set(), given
    assert study.planned("--config", "figures={dpi: 70}")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["figurs"], "figurs: no such target; did you mean figures?"),
        (["results/poisson1d/deep-ritz/seed-0/trainng.nc"], "seed-0/trainng.nc: neither a result of this study"),
        (["--config", "extended=perhaps"], "extended: must be true or false; got 'perhaps'"),
        (["--config", "network-width=3"], "network-width: unknown key"),
    ],
)
def test_what_is_misspelt_is_one_line(study: Workspace, arguments: list[str], words: str) -> None:
    done = study.snakemake("-n", *arguments)
    assert done.returncode == 1
    assert "Traceback" not in done.stdout + done.stderr
    (line,) = message(done.stdout + done.stderr)
    assert words in line


def test_text_in_a_file_is_no_truth_value(study: Workspace) -> None:
    with study.with_settings({"extended": "true"}):
        done = study.snakemake("-n")
    assert done.returncode == 1
    (line,) = message(done.stdout + done.stderr)
    assert "extended: must be true or false; got 'true'" in line


# ---- make ----


def test_a_run_is_quiet_and_its_lines_are_short(study: Workspace) -> None:
    lines = study.said.splitlines()
    assert len(study.said) < 2_000
    assert max(map(len, lines)) < 200
    steps = [line for line in lines if "steps (" in line]
    assert steps
    assert steps[-1].endswith("(100 %)")
    assert "Reason" not in study.said


def test_make_ends_with_verdicts_and_says_where_to_look(study: Workspace) -> None:
    shutil.copy2(PROJECT / "Makefile", study.root)
    interpreter(study.root)
    done = call(study, "make")
    assert done.returncode == 0, done.stderr
    assert "Nothing to be done" in done.stderr
    assert "Verdicts on the claims (results/tables/claims.csv):" in done.stdout
    assert "figures: results/figures (" in done.stdout
    assert len(done.stdout + done.stderr) < 3_000
    verbose = call(study, "make", "VERBOSE=1")
    assert "Building DAG of jobs..." in verbose.stderr


def test_a_failed_job_is_one_line_with_its_log(tmp_path: Path) -> None:
    workspace = small(tmp_path)
    workspace.run(CHECKPOINTS)
    (tmp_path / CHECKPOINTS).unlink()
    (tmp_path / RUN / "training.nc").write_text("damaged", encoding="utf-8")
    done = workspace.snakemake("--logger", "pinnscape", "-c1", CHECKPOINTS)
    assert done.returncode == 1
    first, second = [line for line in done.stderr.splitlines() if not line.startswith("Using workflow specific")]
    log = "(log: results/logs/checkpoints/poisson1d/seed-0.log)"
    assert first.startswith(f"pinnscape: {RUN}/training.nc: not a NetCDF-4 file")
    assert first.endswith(log)
    assert second == f"failed: Checkpoints of poisson1d, seed 0 {log}"
