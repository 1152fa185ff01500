"""Patterns of paths of trained weights."""

from pathlib import Path

import pytest

from pinnscape.common.errors import ModelError
from pinnscape.models.patterns import by_run, find


def files(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def found(folder: Path, pattern: str) -> list[tuple[str, str, int, int]]:
    return [(each.path.relative_to(folder).as_posix(), each.loss, each.seed, each.step) for each in find(str(folder / pattern))]


def test_stars_are_the_run_and_the_step_which_are_numbers(tmp_path: Path) -> None:
    files(tmp_path, "runs/seed-7/step-100.pt", "runs/seed-7/step-20.pt", "runs/seed-2/step-0.pt", "runs/seed-2/notes.txt")
    assert found(tmp_path, "runs/*/step-*.pt") == [
        ("runs/seed-2/step-0.pt", "", 2, 0),
        ("runs/seed-7/step-20.pt", "", 7, 20),
        ("runs/seed-7/step-100.pt", "", 7, 100),
    ]


def test_runs_without_numbers_are_counted_in_alphabetical_order(tmp_path: Path) -> None:
    files(tmp_path, "b/1.pt", "a/1.pt", "a/2.pt")
    assert found(tmp_path, "*/*.pt") == [("a/1.pt", "", 0, 1), ("a/2.pt", "", 0, 2), ("b/1.pt", "", 1, 1)]


def test_runs_with_the_same_number_are_counted_too(tmp_path: Path) -> None:
    files(tmp_path, "x-1/1.pt", "y-1/1.pt")
    assert [seed for _, _, seed, _ in found(tmp_path, "*/*.pt")] == [0, 1]


def test_names_in_braces_are_loss_seed_and_step(tmp_path: Path) -> None:
    files(tmp_path, "pinn/3/w-05.pt", "fit/3/w-05.pt", "fit/3/w-06.pt", "fit/3/w-last.pt")
    assert found(tmp_path, "{loss}/{seed}/w-{step}.pt") == [
        ("fit/3/w-05.pt", "fit", 3, 5),
        ("fit/3/w-06.pt", "fit", 3, 6),
        ("pinn/3/w-05.pt", "pinn", 3, 5),
    ]
    assert [len(saved) for saved in by_run(find(str(tmp_path / "{loss}/{seed}/w-{step}.pt"))).values()] == [2, 1]


def test_a_single_star_is_the_step_of_one_run(tmp_path: Path) -> None:
    files(tmp_path, "w[1]-10.pt", "w[1]-9.pt")
    assert found(tmp_path, "w[1]-*.pt") == [("w[1]-9.pt", "", 0, 9), ("w[1]-10.pt", "", 0, 10)]


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("w.pt", r"must contain \{step\}, or \* for the run and the step"),
        ("{seed}.pt", r"must contain \{step\}"),
        ("{run}-{step}.pt", r"may contain \{loss\}, \{seed\} and \{step\} once each; got \{run\}"),
        ("{step}-{step}.pt", r"once each; got \{step\}"),
        ("none-*.pt", "no file matches .*; the path is relative to the folder of the study"),
        ("a/*.pt", r"its step, 'last', is not a number; give a narrower pattern"),
        ("b/*-*.pt", "are the same step of the same run; give a narrower pattern"),
    ],
)
def test_patterns_that_cannot_be_used_are_refused(tmp_path: Path, pattern: str, message: str) -> None:
    files(tmp_path, "a/1.pt", "a/last.pt", "b/x-1.pt", "b/x-01.pt", "w.pt")
    with pytest.raises(ModelError, match=message) as error:
        find(str(tmp_path / pattern))
    assert "\n" not in str(error.value)
