"""Work that splits: any number of shards gives the same bytes, and a new number computes nothing again."""

import runpy
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from end_to_end.workspace import PROJECT, Job, Workspace, jobs

from pinnscape.study import study
from runtime.technique import measure

pytestmark = [pytest.mark.xdist_group("shards"), pytest.mark.slow]

CASE, LOSSES = "poisson1d", ("deep-ritz", "strong-form")
PLANES, CHECKPOINTS = ("random", "trajectory", "lines"), ("init", "middle", "final")
WORKS = ("surfaces", "hessians", "techniques")
TECHNIQUE = f"results/{CASE}/intrinsic_dimension.nc"


def of_runs(*files: str) -> list[str]:
    return [f"results/{CASE}/{loss}/seed-0/{file}" for loss in LOSSES for file in files]


# What the job of each work makes.
MADE = {
    "surfaces": of_runs(*(f"surface-{plane}.nc" for plane in PLANES)),
    "hessians": of_runs(*(f"hessian-{checkpoint}.nc" for checkpoint in CHECKPOINTS)),
    "techniques": [TECHNIQUE],
}
TARGETS = [files[-1] for files in MADE.values()]
MAIN = {
    "surfaces": ("evaluate_surfaces", CASE, "0"),
    "hessians": ("measure_hessians", CASE, "0"),
    "techniques": ("measure_intrinsic_dimension", CASE),
}
SHARD = {"surfaces": "shard_surfaces", "hessians": "shard_hessians", "techniques": "shard_intrinsic_dimension"}


class Named(SimpleNamespace):
    """Input, params or wildcards of a job."""

    def items(self) -> Any:
        return vars(self).items()

    def get(self, name: str, default: Any = None) -> Any:
        return getattr(self, name, default)


def numbers(*counts: int) -> dict:
    return {"shards": dict(zip(WORKS, counts, strict=True))}


def shards(work: str, count: int) -> set[Job]:
    return {(SHARD[work], f"{i}-of-{count}", *MAIN[work][1:]) for i in range(1, count + 1)}


def data(root: Path, *works: str) -> dict[str, bytes]:
    return {path: (root / path).read_bytes() for work in works for path in MADE[work]}


def parts(root: Path, work: str = "*") -> list[Path]:
    return sorted(root.glob(f"results/shards/{work}/**/*.nc"))


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """The files of all works, made without shards. Tests leave them as they were."""
    workspace = Workspace(tmp_path_factory.mktemp("shards"), "tiny_shards.yaml")
    workspace.run("--", *TARGETS)
    return workspace


def scripts(workspace: Workspace) -> dict[str, tuple[Callable[..., None], dict[str, list[str]], SimpleNamespace]]:
    """By work: the script's function, its input, and its params."""
    settings = study.parse(workspace.settings)
    shared = {"engine": settings.engine(), "model": settings.model(CASE)}
    params = {
        "surfaces": {"grid": {plane: settings.grid(plane) for plane in PLANES}},
        "hessians": {"hessian": settings.hessian(), "checkpoints": list(CHECKPOINTS)},
        "techniques": {"settings": settings.technique("intrinsic_dimension")},
    }
    checkpoints, training = of_runs("checkpoints.nc"), of_runs("training.nc")
    inputs: dict[str, dict[str, list[str]]] = {
        "surfaces": {
            "directions": of_runs(*(f"directions-{plane}.nc" for plane in PLANES)),
            "checkpoints": checkpoints,
            "reference": [],
        },
        "hessians": {"checkpoints": checkpoints, "reference": []},
        "techniques": {"checkpoints": checkpoints, "training": training, "reference": []},
    }
    paths = {
        work: str(PROJECT / f"workflow/scripts/{name}.py")
        for work, name in {"surfaces": "surfaces", "hessians": "hessian"}.items()
    }
    mains = {work: runpy.run_path(path)["main"] for work, path in paths.items()} | {"techniques": measure}
    return {work: (mains[work], inputs[work], Named(**shared, **params[work])) for work in WORKS}


@pytest.mark.parametrize("count", [1, 3, 7])
@pytest.mark.parametrize("work", WORKS)
def test_any_number_of_shards_gives_the_same_bytes(
    finished: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, work: str, count: int
) -> None:
    """The scripts as jobs call them, one after the other in this process: without the start-up of many jobs."""
    monkeypatch.chdir(finished.root)
    main, given, params = scripts(finished)[work]
    paths = [str(tmp_path / f"{i}-of-{count}.nc") for i in range(1, count + 1)]
    for path in paths:
        wildcards = Named(case=CASE, seed="0", technique="intrinsic_dimension", scatteritem=Path(path).stem)
        main(Named(**given), [path], params, wildcards, "cpu")
    files = [str(tmp_path / "made" / path) for path in MADE[work]]
    wildcards = Named(case=CASE, seed="0", technique="intrinsic_dimension")
    main(Named(**given, parts=paths), files, params, wildcards, "cpu")
    assert {path: Path(file).read_bytes() for path, file in zip(MADE[work], files, strict=True)} == data(finished.root, work)


def test_a_new_number_of_shards_computes_nothing_again(finished: Workspace) -> None:
    with finished.with_settings(numbers(3, 7, 2)):
        assert finished.planned(*TARGETS) == set()
    assert finished.planned("--set-scatter", "surfaces=3", "--", *TARGETS) == set()


def test_with_shards_an_edit_runs_the_shards_that_depend_on_it(finished: Workspace) -> None:
    with finished.with_settings(numbers(3, 3, 3) | {"grid": {"tolerance": 1e-4}}):
        assert finished.planned(*TARGETS) == {MAIN["surfaces"]} | shards("surfaces", 3)
    with (
        finished.with_settings(numbers(1, 3, 2)),
        finished.edited("workflow/pinnscape/linalg/trace.py", append="\n# a remark\n"),
        finished.edited("workflow/pinnscape/training/intrinsic_dimension.py", append="\n# a remark\n"),
    ):
        expected = {MAIN["hessians"], MAIN["techniques"]} | shards("hessians", 3) | shards("techniques", 2)
        assert finished.planned(*TARGETS) == expected


def test_a_killed_run_keeps_the_shards_that_are_finished(finished: Workspace) -> None:
    before = data(finished.root, *WORKS)
    with finished.with_settings(numbers(2, 3, 2)):
        for path in before:
            (finished.root / path).unlink()
        made = jobs(finished.run("--notemp", "--", *TARGETS))
        assert made == {*MAIN.values()} | shards("surfaces", 2) | shards("hessians", 3) | shards("techniques", 2)
        assert data(finished.root, *WORKS) == before
        assert len(parts(finished.root)) == 7
        # As if the run had been killed before the second shard was done.
        parts(finished.root, "hessians")[1].unlink()
        for path in MADE["hessians"]:
            (finished.root / path).unlink()
        made = jobs(finished.run("--", *TARGETS))
        assert made == {MAIN["hessians"], ("shard_hessians", "2-of-3", CASE, "0")}
    assert data(finished.root, *WORKS) == before
    assert parts(finished.root, "hessians") == [], "parts are temporary"
    assert finished.planned(*TARGETS) == set(), "with another number again"
