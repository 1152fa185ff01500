"""Too little memory, a full disk, a folder that cannot be written: one clear line, and the run ends well once that is mended."""

import os
import re
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from end_to_end.faults import CHECK, TRAINING, message, small
from end_to_end.workspace import Workspace

from pinnscape.files import store

pytestmark = [
    pytest.mark.xdist_group("resources"),
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits and mounts are those of Linux"),
]


def can_mount() -> bool:
    return os.geteuid() == 0 and subprocess.run(["unshare", "-m", "true"], capture_output=True, check=False).returncode == 0


# Continuous integration is to have that right; there, its lack is an error.
needs_mount = pytest.mark.skipif(
    not can_mount() and "CI" not in os.environ, reason="mounts a small disk, which takes root and the right to mount"
)


@contextmanager
def disk(folder: Path, options: str) -> Iterator[Path]:
    """A disk of its own under ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def remount(folder: Path, options: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{options}", str(folder)], check=True)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    workspace = small(tmp_path_factory.mktemp("undisturbed"))
    workspace.run(TRAINING)
    return workspace


@needs_mount
@pytest.mark.slow
def test_a_full_disk_is_one_line_and_free_space_is_all_it_takes(tmp_path: Path, undisturbed: Workspace) -> None:
    workspace = small(tmp_path)
    with disk(tmp_path / "results", "size=10m") as results:
        workspace.run(CHECK)
        remount(results, "size=48k")
        done = workspace.snakemake("-c1", TRAINING)
        assert done.returncode == 1
        (line,) = message(done.stdout + done.stderr)
        assert re.search(
            r"(training|solution)\.nc: cannot be written \(.+\); the disk is full: free space, then run `snakemake`", line
        )
        assert [path.name for path in results.rglob("*.nc")] == ["check.nc"]
        assert not list(results.rglob("*.part"))
        remount(results, "size=10m")
        workspace.run(TRAINING)
        assert (tmp_path / TRAINING).read_bytes() == (undisturbed.root / TRAINING).read_bytes()


@needs_mount
@pytest.mark.slow
def test_a_folder_that_is_read_only_is_said_so_and_nothing_else_is_needed(tmp_path: Path, undisturbed: Workspace) -> None:
    workspace = small(tmp_path)
    with disk(tmp_path / "results", "ro") as results:
        done = workspace.snakemake("-c1", TRAINING)
        assert done.returncode == 1
        assert "Read-only file system" in done.stdout + done.stderr
        assert "results" in done.stdout + done.stderr
        remount(results, "rw,size=10m")
        workspace.run(TRAINING)
        assert (tmp_path / TRAINING).read_bytes() == (undisturbed.root / TRAINING).read_bytes()


def address_space() -> int:
    """What a training takes of it before it starts, in bytes."""
    program = "import pinnscape.losses.model, pinnscape.training.files, torch; torch.ones(9, 9) @ torch.ones(9, 9); print(open('/proc/self/status').read())"
    paths = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"}
    status = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env=paths).stdout
    return 1024 * int(re.search(r"VmPeak:\s+(\d+) kB", status)[1])


@pytest.mark.slow
def test_memory_that_does_not_suffice_is_one_line_and_its_remedy_works(tmp_path: Path) -> None:
    target = "results/poisson2d/strong-form/seed-0/training.nc"
    workspace = small(
        tmp_path,
        study={"losses": ["strong-form"]},
        cases={"poisson2d": {}},
        training={"phases": [{"optimizer": "adam", "steps": 1, "learning_rate": 0.01, "decay": 1.0}]},
        network={"width": 40},
        quadrature={"points": 300},
        engine={"compile": "never", "memory": 100000},
    )
    # The study takes 0.1 GB to begin with; its losses take 0.4 GB more at once and hardly more block by block, the error of its rule 0.1 GB.
    limit = address_space() + 430_000_000

    def limited() -> subprocess.CompletedProcess[str]:
        before = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (limit, before[1]))
        try:
            return workspace.alone("-c1", target)
        finally:
            resource.setrlimit(resource.RLIMIT_AS, before)

    done = limited()
    assert done.returncode == 1
    (line,) = message(done.stdout + done.stderr)
    assert f"{target}: out of memory; lower `engine.memory` in config.yaml (now 100000 MB)" in line
    assert "train_network:mem_mb" in line
    assert not (tmp_path / target).exists()
    with workspace.with_settings({"engine": {"memory": 20}}):
        done = limited()
        assert done.returncode == 0, done.stdout + done.stderr
    assert np.isfinite(store.read(tmp_path / target, "train")["loss"]).all()
