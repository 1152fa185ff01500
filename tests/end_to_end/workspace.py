"""A copy of the project in which a tiny study is run, edited and run again."""

import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml

PROJECT = Path(__file__).resolve().parents[2]
PARTS = ("Snakefile", "config.yaml", "workflow", "profiles", "envs")
Job = tuple[str, ...]  # name of the rule, then its wildcards


def merged(base: dict, override: dict) -> dict:
    """``base`` with the keys of ``override``, sections merged."""
    result = dict(base)
    for key, value in override.items():
        result[key] = merged(result[key], value) if isinstance(value, dict) and isinstance(result.get(key), dict) else value
    return result


class Workspace:
    """A folder with the project and the tiny study of tests/tiny.yaml."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for part in PARTS:
            source = PROJECT / part
            copy = shutil.copytree if source.is_dir() else shutil.copy2
            copy(source, root / part, **({"ignore": shutil.ignore_patterns("__pycache__")} if source.is_dir() else {}))
        tiny = yaml.safe_load((PROJECT / "tests/tiny.yaml").read_text())
        self.config(merged(yaml.safe_load((PROJECT / "config.yaml").read_text()), tiny))

    def config(self, settings: dict) -> None:
        (self.root / "config.yaml").write_text(yaml.safe_dump(settings))

    @property
    def settings(self) -> dict:
        return yaml.safe_load((self.root / "config.yaml").read_text())

    @property
    def environment(self) -> dict[str, str]:
        return os.environ | {"OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1", "COLUMNS": "300"}

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "snakemake", *arguments]

    def snakemake(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*arguments), cwd=self.root, env=self.environment, capture_output=True, text=True, check=False, timeout=500
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
        return jobs(done.stdout + done.stderr)

    @contextmanager
    def edited(self, path: str, text: str | None = None, append: str = "") -> Iterator[None]:
        """A file with other text for a while."""
        file = self.root / path
        before = file.read_text()
        file.write_text((before if text is None else text) + append)
        try:
            yield
        finally:
            file.write_text(before)

    @contextmanager
    def with_settings(self, override: dict) -> Iterator[None]:
        """Another configuration for a while."""
        with self.edited("config.yaml", yaml.safe_dump(merged(self.settings, override))):
            yield


def jobs(output: str) -> set[Job]:
    """Jobs with an entry in Snakemake's output: (rule, problem, formulation, seed), as far as the job has these wildcards."""
    found = []
    for block in re.split(r"\n\[[^\n]*\]\n", output):
        rule = re.match(r"(?:local)?rule (\w+):", block)
        if rule and not re.search(r"^localrule", block):
            wildcards = re.search(r"wildcards: (.*)", block)
            found.append((rule[1], *([w.split("=")[1] for w in wildcards[1].split(", ")] if wildcards else [])))
    counted = Counter(found)
    assert all(n == 1 for n in counted.values()), counted
    return set(counted)
