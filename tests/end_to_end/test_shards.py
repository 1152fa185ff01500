"""Work that splits: any number of shards gives the same bytes, and a new number computes nothing again."""

import shutil
from pathlib import Path

import pytest
from end_to_end.workspace import Job, Workspace, jobs

pytestmark = [pytest.mark.xdist_group("shards"), pytest.mark.slow]

RUN = "results/poisson1d/strong-form/seed-0"
SURFACES, HESSIAN, TECHNIQUE = f"{RUN}/surface-lines.nc", f"{RUN}/hessian-final.nc", "results/poisson1d/intrinsic_dimension.nc"
TARGETS = (SURFACES, HESSIAN, TECHNIQUE)
MAIN = {
    "surfaces": ("evaluate_surfaces", "poisson1d", "0"),
    "hessians": ("measure_hessians", "poisson1d", "0"),
    "techniques": ("measure_intrinsic_dimension", "poisson1d"),
}
SHARD = {"surfaces": "shard_surfaces", "hessians": "shard_hessians", "techniques": "shard_intrinsic_dimension"}


def shards(count: int) -> dict:
    return {"shards": dict.fromkeys(MAIN, count)}


def work(count: int, *names: str) -> set[Job]:
    """The jobs that do the work of all targets, or of those with these names."""
    chosen = names or tuple(MAIN)
    parts = {(SHARD[name], f"{i}-of-{count}", *MAIN[name][1:]) for name in chosen for i in range(1, count + 1)}
    return {MAIN[name] for name in chosen} | (parts if count > 1 else set())


def data(root: Path) -> dict[str, bytes]:
    """Every file that the three jobs make."""
    paths = [*root.glob("results/poisson1d/*/seed-0/surface-*.nc"), *root.glob("results/poisson1d/*/seed-0/hessian-*.nc")]
    return {str(path.relative_to(root)): path.read_bytes() for path in [*paths, root / TECHNIQUE]}


def parts(root: Path) -> list[Path]:
    return sorted(root.glob("results/shards/**/*.nc"))


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """The three targets, made without shards."""
    workspace = Workspace(tmp_path_factory.mktemp("shards"), "tiny_shards.yaml")
    workspace.run("--", *TARGETS)
    assert len(data(workspace.root)) == 2 * 3 + 2 * 3 + 1
    return workspace


def without_work(finished: Workspace, root: Path) -> Workspace:
    """A copy of the study whose trainings and directions alone are done."""
    shutil.copytree(finished.root, root, dirs_exist_ok=True)
    workspace = Workspace.__new__(Workspace)
    workspace.root = root
    for path in data(root):
        (root / path).unlink()
    return workspace


@pytest.mark.parametrize("count", [3, 7])
def test_any_number_of_shards_gives_the_same_bytes(finished: Workspace, tmp_path: Path, count: int) -> None:
    workspace = without_work(finished, tmp_path)
    with workspace.with_settings(shards(count)):
        assert jobs(workspace.run("--", *TARGETS)) == work(count)
        assert workspace.planned(*TARGETS) == set()
    assert workspace.planned(*TARGETS) == set()
    assert data(tmp_path) == data(finished.root)
    assert parts(tmp_path) == [], "parts are temporary"


def test_a_new_number_of_shards_computes_nothing_again(finished: Workspace) -> None:
    for count in (2, 7):
        with finished.with_settings(shards(count)):
            assert finished.planned(*TARGETS) == set()
    assert finished.planned("--set-scatter", "surfaces=3", "--", *TARGETS) == set()


def test_with_shards_an_edit_runs_the_shards_that_depend_on_it(finished: Workspace) -> None:
    with finished.with_settings(shards(2) | {"grid": {"tolerance": 1e-4}}):
        assert finished.planned(*TARGETS) == work(2, "surfaces")
    with finished.with_settings(shards(2)):
        with finished.edited("workflow/pinnscape/curvature/trace.py", append="\n# a remark\n"):
            assert finished.planned(*TARGETS) == work(2, "hessians")
        with finished.edited("workflow/pinnscape/training/intrinsic_dimension.py", append="\n# a remark\n"):
            assert finished.planned(*TARGETS) == work(2, "techniques")
        assert finished.planned(*TARGETS) == set()


def test_a_killed_run_keeps_the_shards_that_are_finished(finished: Workspace, tmp_path: Path) -> None:
    workspace = without_work(finished, tmp_path)
    with workspace.with_settings({"shards": {"hessians": 3}}):
        workspace.run("--notemp", "--", HESSIAN)
        made = parts(tmp_path)
        assert [path.name for path in made] == ["1-of-3.nc", "2-of-3.nc", "3-of-3.nc"]
        made[1].unlink()
        for path in tmp_path.glob("results/poisson1d/*/seed-0/hessian-*.nc"):
            path.unlink()
        expected = {MAIN["hessians"], ("shard_hessians", "2-of-3", "poisson1d", "0")}
        assert jobs(workspace.run("--", HESSIAN)) == expected
    for path, content in data_of_hessians(finished.root).items():
        assert (tmp_path / path).read_bytes() == content
    assert parts(tmp_path) == []


def data_of_hessians(root: Path) -> dict[str, bytes]:
    return {path: content for path, content in data(root).items() if "hessian-" in path}
