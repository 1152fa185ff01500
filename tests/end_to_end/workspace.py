"""A copy of the project in which a tiny study is run, edited and run again."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml
from end_to_end import forks

from pinnscape.techniques.catalog import TECHNIQUES

PROJECT = Path(__file__).resolve().parents[2]
# Targets of the study with every technique: figures and all that they show.
APPLICABLE = tuple(name for name in TECHNIQUES if "draws" not in TECHNIQUES[name].needs)  # test_modules.py has the others
_SHOWN = ("overview", "spectra", *APPLICABLE)
EXTENDED = ("tables", "results/figures/claims.png", *(f"results/figures/{name}-neo_hookean2d.png" for name in _SHOWN))
PARTS = ("Snakefile", "config.yaml", "pyproject.toml", "workflow", "profiles", "envs")
Job = tuple[str, ...]  # name of the rule, then its wildcards


def merged(base: dict, override: dict) -> dict:
    """``base`` with the keys of ``override``, sections merged; cases are replaced, all of them."""
    result = dict(base)
    for key, value in override.items():
        inner = key != "cases" and isinstance(value, dict) and isinstance(result.get(key), dict)
        result[key] = merged(result[key], value) if inner else value
    return result


def data_files(root: Path) -> list[Path]:
    """All results but the report and the archive, by their paths within a folder."""
    kinds = (".nc", ".png", ".pdf", ".csv")
    return sorted(path.relative_to(root) for path in (root / "results").rglob("*") if path.suffix in kinds)


class Workspace:
    """A folder with the project and the tiny study of tests/tiny.yaml.

    Args:
        root: the folder.
        more: files of tests/ with what is different in its study.
        fresh: without the machine code that other workspaces have left.
    """

    said = ""  # in the run that made its results
    scripts_in_forks = True  # for speed; see forks.py

    def __init__(self, root: Path, *more: str, fresh: bool = False) -> None:
        self.root = root
        for part in PARTS:
            source = PROJECT / part
            copy = shutil.copytree if source.is_dir() else shutil.copy2
            copy(source, root / part)
        (root / "results").mkdir(exist_ok=True)
        if not fresh:
            (PROJECT / ".cache").mkdir(exist_ok=True)
            (root / ".cache").symlink_to(PROJECT / ".cache")
        shutil.copy2(PROJECT / "results/README.md", root / "results/README.md")
        settings: dict = {}
        for path in ("config.yaml", *(f"tests/{name}" for name in ("tiny.yaml", *more))):
            settings = merged(settings, yaml.safe_load((PROJECT / path).read_text(encoding="utf-8")))
        self.config(settings)

    def config(self, settings: dict) -> None:
        (self.root / "config.yaml").write_text(yaml.safe_dump(settings, sort_keys=False), encoding="utf-8")

    def problem(self, text: str) -> None:
        """Add a problem: the text of its file, ``my_problems/mine.py``."""
        (self.root / "my_problems").mkdir(exist_ok=True)
        (self.root / "my_problems/mine.py").write_text(text, encoding="utf-8")

    @property
    def settings(self) -> dict:
        return yaml.safe_load((self.root / "config.yaml").read_text(encoding="utf-8"))

    @property
    def environment(self) -> dict[str, str]:
        return os.environ | {"OMP_NUM_THREADS": "1", "COLUMNS": "300"}

    def command(self, *arguments: str) -> list[str]:
        """A call that is to be hit, in a process of its own."""
        return [sys.executable, "-m", "snakemake", *arguments]

    def snakemake(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """A call that ends by itself."""
        return forks.call(list(arguments), self.root, self.environment, timeout=500, scripts=self.scripts_in_forks)

    def alone(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """The same in a process of its own, which loads everything anew."""
        options = {"cwd": self.root, "env": self.environment, "timeout": 500}
        return subprocess.run(
            self.command(*arguments), check=False, capture_output=True, text=True, encoding="utf-8", **options
        )

    def run(self, *arguments: str) -> str:
        """Run the workflow; it must succeed."""
        done = self.snakemake("-c2", *arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    def planned(self, *arguments: str) -> set[Job]:
        """The jobs that a plain call would run now, targets left out."""
        done = self.snakemake("-n", *arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        found = jobs(done.stdout + done.stderr)
        total = re.search(r"(?m)^total +(\d+)$", done.stdout + done.stderr)
        targets = re.findall(r"(?m)^(?:local)?rule (\w+):$", done.stdout + done.stderr)
        assert len(found) + len(targets) == (int(total[1]) if total else 0), "a job escaped the count"
        return found

    @contextmanager
    def edited(self, path: str, text: str | None = None, append: str = "") -> Iterator[None]:
        """A file with other text for a while."""
        file = self.root / path
        before = file.read_text(encoding="utf-8")
        file.write_text((before if text is None else text) + append, encoding="utf-8")
        try:
            yield
        finally:
            file.write_text(before, encoding="utf-8")

    @contextmanager
    def with_settings(self, override: dict) -> Iterator[None]:
        """Another configuration for a while."""
        with self.edited("config.yaml", yaml.safe_dump(merged(self.settings, override), sort_keys=False)):
            yield


# What each rule's message looks like; Snakemake shows it in place of the rule's name.
MESSAGES = {
    "check_problem": r"Checking ([\w-]+)",
    "compute_reference": r"Numerical reference of ([\w-]+)",
    "train_network": r"Training ([\w-]+), ([\w-]+), seed (\d+)",
    "select_checkpoints": r"Checkpoints of ([\w-]+), seed (\d+)",
    "measure_hessians": r"Hessians of ([\w-]+), seed (\d+)",
    "find_directions": r"Directions for ([\w-]+), seed (\d+)",
    "find_hessian_directions": r"Hessian directions for ([\w-]+), seed (\d+)",
    "evaluate_surfaces": r"Surfaces of ([\w-]+), seed (\d+)",
    "evaluate_hessian_surfaces": r"Hessian surfaces of ([\w-]+), seed (\d+)",
    "shard_hessians": r"Shard (\d+-of-\d+) of Hessians of ([\w-]+), seed (\d+)",
    "shard_surfaces": r"Shard (\d+-of-\d+) of surfaces of ([\w-]+), seed (\d+)",
    "shard_hessian_surfaces": r"Shard (\d+-of-\d+) of Hessian surfaces of ([\w-]+), seed (\d+)",
    "collect_metrics": r"Collecting metrics",
    "judge_claims": r"Judging claims",
    "figure_sweep": r"Figure of the sweep ([\w-]+)",
    "figure_claims": r"Figure of the claims",
    "write_archive": r"Archive",
}
FIGURE = re.compile(r"Figure (\w+) of ([\w-]+)")
TECHNIQUE = re.compile(r"Technique (\w+) of ([\w-]+)")
SHARD = re.compile(r"Shard (\d+-of-\d+) of technique (\w+) of ([\w-]+)")


def jobs(output: str) -> set[Job]:
    """The jobs that Snakemake announces: (rule, case, loss, seed), as far as the job has these wildcards."""
    announced = re.findall(r"(?m)^Job \d+: (.*)$", output)
    found = [_job(message.strip()) for message in announced]
    assert len(set(found)) == len(found), "a job was announced twice"
    return set(found)


def _job(message: str) -> Job:
    if drawn := FIGURE.fullmatch(message):
        return f"figure_{drawn[1]}", drawn[2]
    if measured := TECHNIQUE.fullmatch(message):
        return f"measure_{measured[1]}", measured[2]
    if part := SHARD.fullmatch(message):
        return f"shard_{part[2]}", part[1], part[3]
    matches = {rule: re.fullmatch(pattern, message) for rule, pattern in MESSAGES.items()}
    ((rule, match),) = [(rule, match) for rule, match in matches.items() if match]
    return rule, *match.groups()
