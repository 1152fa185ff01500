"""Time and memory of every rule for a large network: `python tests/benchmarks/wide.py FOLDER` (`make wide`).

The study of tests/wide.yaml, 132,609 parameters, runs in a folder of its own, in which the project is copied; a call after an edit of the project goes
on there. The table at the end comes from results/benchmarks/**/*.tsv of that folder; a job above 4 GB is an error.
"""

import argparse
import csv
import math
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

PROJECT = Path(__file__).resolve().parents[2]
PARTS = ("Snakefile", "pyproject.toml", "workflow", "profiles", "envs")
STUDY = PROJECT / "tests" / "wide.yaml"
MOST = 4000.0  # megabytes a job
Row = tuple[str, float, float, float]  # name, seconds, seconds of CPU, megabytes
_KEYS = ("s", "cpu_time", "max_rss")  # columns of Snakemake's benchmark files


def study() -> dict[str, Any]:
    """The default study with the settings of tests/wide.yaml; its cases take the place of all others."""
    base, own = (yaml.safe_load(path.read_text(encoding="utf-8")) for path in (PROJECT / "config.yaml", STUDY))
    return base | {name: section if name == "cases" else base[name] | section for name, section in own.items()}


def prepared(folder: Path) -> None:
    """The project as it is now, beside the results of an earlier call."""
    folder.mkdir(parents=True, exist_ok=True)
    for part in PARTS:
        source, target = PROJECT / part, folder / part
        if source.is_dir():
            shutil.rmtree(target, ignore_errors=True)
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source, target)
    (folder / "config.yaml").write_text(yaml.safe_dump(study(), sort_keys=False), encoding="utf-8")
    (folder / "results").mkdir(exist_ok=True)
    shutil.copy2(PROJECT / "results" / "README.md", folder / "results" / "README.md")


def measured(folder: Path) -> Iterator[Row]:
    """What each job's benchmark file tells; NaN where it was too short to be looked at."""
    root = folder / "results" / "benchmarks"
    for path in sorted(root.rglob("*.tsv")):
        with path.open() as file:
            for row in csv.DictReader(file, delimiter="\t"):
                seconds, cpu, memory = (math.nan if row[key] in ("-", "NA") else float(row[key]) for key in _KEYS)
                yield str(path.relative_to(root).with_suffix("")), seconds, cpu, memory


def table(rows: list[Row]) -> str:
    """In Markdown, slowest first."""
    lines = ["| job | seconds | CPU seconds | peak memory in MB |", "|---|---|---|---|"]
    for name, *numbers in sorted(rows, key=lambda row: -row[1]):
        lines.append(f"| {' | '.join([name, *('–' if math.isnan(x) else f'{x:.0f}' for x in numbers)])} |")
    return "\n".join(lines)


def too_large(rows: list[Row]) -> list[str]:
    """The jobs above the bound."""
    return [f"{name}: {memory:.0f} MB" for name, *_, memory in rows if memory > MOST]


def main() -> None:
    parser = argparse.ArgumentParser(description="Time and memory of every rule for a large network.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--cores", type=int, default=1)
    parser.add_argument("--table", action="store_true", help="only the table of what has been run")
    parser.add_argument("more", nargs="*", help="targets and options of snakemake, after --")
    options = parser.parse_args()
    code = 0
    if not options.table:
        prepared(options.folder)
        command = [sys.executable, "-m", "snakemake", "--cores", str(options.cores), *options.more]
        code = subprocess.run(command, cwd=options.folder, env={**os.environ, "OMP_NUM_THREADS": "1"}, check=False).returncode
    rows = list(measured(options.folder))
    print(table(rows))
    large = too_large(rows)
    sys.exit(code or (f"above {MOST:.0f} MB: " + ", ".join(large) if large else 0))


if __name__ == "__main__":
    main()
