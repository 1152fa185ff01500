"""How well work that splits scales: `python tests/benchmarks/splits.py`, on a machine with two idle cores.

Weak scaling: a job that does its work itself on one core, against two shards and the job that gathers them on two cores with twice the work. Efficiency
is the ratio of their times, once of whole calls of Snakemake and once of the slowest shards alone; medians of alternating repetitions. Everything
that the jobs need is made before anything is timed, in a temporary folder. With `--slurm` the jobs that are timed run on a Slurm cluster of one
node, which is started for it (as root, where slurm-wlm and munge are installed).
"""

import argparse
import csv
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from statistics import median
from typing import Any

import yaml

FOLDER = Path(__file__).resolve().parents[1]
CASE, LOSS = "poisson2d", "deep-ritz"
RUN = f"results/{CASE}/{LOSS}/seed-0"
# The study: one case and loss, and trainings that take no time.
STUDY = {
    "study": {"losses": [LOSS], "seeds": [0, 1]},
    "cases": {CASE: {}},
    "extended": True,
    "device": "cpu",
    "training": {
        "phases": [{"optimizer": "adam", "steps": 50, "learning_rate": 0.01, "decay": 0.5}],
        "snapshots": {"even": 3, "logarithmic": 3},
    },
    "checkpoints": {"middle": 0.5},
    "hessian": {"density": {"probes": 2, "steps": 10, "deflate": 2, "bins": 60, "width": 0.02}},
    "grid": {"planes": ["random"], "tolerance": 0.0, "points": 41, "line_points": 21, "radius": {"lines": 1.0, "random": 1.0}},
    "directions": {"lines": 2},
    "claims": {"well_conditioned": {"rank": 5}, "convex": {"radius": [0.2, 1.0]}},
}
SLURM = ("--workflow-profile", "profiles/slurm")
# By name: file, log folder of the job and of its shards, settings of the single and of the double work.
WORK: dict[str, tuple[str, str, str, Mapping[str, Any], Mapping[str, Any]]] = {
    "a surface, plain grid": (
        f"{RUN}/surface-random.nc",
        f"surfaces/{CASE}/seed-0",
        f"surfaces/{CASE}/seed-0",
        {"grid": {"points": 201}},
        {"grid": {"points": 285}},
    ),
    "dense Hessians": (
        f"{RUN}/hessian-final.nc",
        f"hessian/{CASE}/seed-0",
        f"hessians/{CASE}/seed-0",
        {"network": {"width": 32, "depth": 2}, "hessian": {"checkpoints": ["final"]}},
        {"network": {"width": 32, "depth": 2}, "hessian": {"checkpoints": ["middle", "final"]}},
    ),
    "intrinsic dimension": (
        f"results/{CASE}/intrinsic_dimension.nc",
        f"techniques/intrinsic_dimension-{CASE}",
        f"intrinsic_dimension/{CASE}",
        {"study": {"seeds": [0]}, "techniques": {"intrinsic_dimension": {"gradient_tolerance": 1e-300}}},
        {"study": {"seeds": [0, 1]}, "techniques": {"intrinsic_dimension": {"gradient_tolerance": 1e-300}}},
    ),
}


class Folder:
    """A copy of the project in which one case is timed.

    Args:
        root: of the copy.
        slurm: whether jobs that are timed run on a cluster.
    """

    def __init__(self, root: Path, slurm: bool) -> None:
        from end_to_end.workspace import Workspace, merged

        self.merged, self.slurm = merged, slurm
        self.workspace = Workspace(root, fresh=True)
        self.base = yaml.safe_load((FOLDER.parent / "config.yaml").read_text())
        cache = FOLDER.parent / ".cache"
        if cache.is_dir():
            shutil.copytree(cache, root / ".cache")

    def configure(self, settings: Mapping[str, Any], shards: int) -> None:
        of_shards = {"shards": dict.fromkeys(("surfaces", "hessians", "techniques"), shards)}
        self.workspace.config(self.merged(self.merged(self.merged(self.base, STUDY), settings), of_shards))

    def prepare(self, target: str) -> None:
        """Make a file and all that it needs, on this machine."""
        self._call("-c2", target)

    def call(self, cores: int, target: str) -> float:
        """Seconds of a call of Snakemake that makes a file again."""
        return self._call(*(SLURM if self.slurm else ("-c", str(cores))), "--force", target)

    def _call(self, *arguments: str) -> float:
        begin = time.monotonic()
        done = self.workspace.alone(*arguments)
        if done.returncode:
            sys.exit(done.stdout + done.stderr)
        return time.monotonic() - begin

    def seconds(self, pattern: str) -> float:
        """Of the slowest of the jobs whose benchmark files match."""
        paths = list((self.workspace.root / "results/benchmarks").glob(pattern))
        assert paths, pattern
        return max(float(next(csv.DictReader(path.open(), delimiter="\t"))["s"]) for path in paths)


def timed(name: str, repeats: int, slurm: bool) -> tuple[float, float, float, float]:
    """Medians of whole calls with one and two shards, and of the slowest job with one and two."""
    target, of_job, of_shards, single, double = WORK[name]
    calls: dict[int, list[float]] = {1: [], 2: []}
    jobs: dict[int, list[float]] = {1: [], 2: []}
    with tempfile.TemporaryDirectory() as folder:
        there = Folder(Path(folder), slurm)
        for repeat in range(repeats + 1):  # the first compiles and trains, and does not count
            for shards, settings in ((1, single), (2, double)):
                there.configure(settings, shards)
                if not repeat:
                    there.prepare(target)
                seconds = there.call(shards, target)
                if repeat:
                    pattern = f"{of_job}.tsv" if shards == 1 else f"shards/{of_shards}/*/*-of-2.tsv"
                    calls[shards].append(seconds)
                    jobs[shards].append(there.seconds(pattern))
    return median(calls[1]), median(calls[2]), median(jobs[1]), median(jobs[2])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", default=list(WORK), help=f"among {', '.join(WORK)}; all by default")
    parser.add_argument("--repeats", type=int, default=3, help="timings of each side (default 3)")
    parser.add_argument("--slurm", action="store_true", help="on a cluster of one node")
    settings = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"
    print(
        "| work | 1 job | 2 shards, twice the work | efficiency | with start-up and gathering |\n| --- | ---: | ---: | ---: | ---: |"
    )
    with _cluster() if settings.slurm else nullcontext():
        for name in settings.names:
            one, two, job, shard = timed(name, settings.repeats, settings.slurm)
            print(f"| {name} | {job:.1f} s | {shard:.1f} s | {job / shard:.2f} | {one / two:.2f} |", flush=True)


def _cluster() -> AbstractContextManager:
    from slurm.cluster import cluster, obstacle

    hindrance = obstacle()
    if hindrance:
        sys.exit(f"no Slurm cluster can be started: {hindrance}")
    return cluster()


if __name__ == "__main__":
    # The folders take the place of this one, whose modules would hide others of the same name.
    sys.path[0:1] = [str(FOLDER), str(FOLDER.parent / "workflow")]
    main()
