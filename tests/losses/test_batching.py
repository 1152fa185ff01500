"""Evaluation of several rows at once, only where it gives the same results."""

import warnings

import pytest
import torch
from module_cases import CASES, made
from torch import Tensor

from pinnscape.losses.batching import Batching
from pinnscape.losses.module import ModuleLosses

ROWS = torch.arange(40.0, dtype=torch.float64).reshape(20, 2)


def one(row: Tensor) -> dict[str, Tensor]:
    return {"sum": row.sum(), "square": row.square()}


def right(rows: Tensor) -> dict[str, Tensor]:
    return {"sum": rows.sum(1), "square": rows.square()}


def failing(rows: Tensor) -> dict[str, Tensor]:
    raise RuntimeError("not implemented")


def slow(rows: Tensor) -> dict[str, Tensor]:
    warnings.warn("There is a performance drop", UserWarning, stacklevel=1)
    return right(rows)


WAYS = {
    "right": (right, True),
    "failing": (failing, False),
    "slow": (slow, False),
    "wrong": (lambda rows: {"sum": rows.sum(1) * (1 + 1e-6), "square": rows.square()}, False),
    "of another shape": (lambda rows: {"sum": rows.sum(1, keepdim=True), "square": rows.square()}, False),
    "lacking": (lambda rows: {"sum": rows.sum(1)}, False),
    "not a number": (lambda rows: {"sum": rows.sum(1) * torch.nan, "square": rows.square()}, False),
}


@pytest.mark.parametrize("name", WAYS)
def test_only_a_way_that_agrees_is_used(name: str) -> None:
    many, used = WAYS[name]
    calls: list[int] = []

    def counted(row: Tensor) -> dict[str, Tensor]:
        calls.append(1)
        return one(row)

    batching = Batching(1e-10)
    found = batching("x", counted, many, ROWS)
    assert torch.equal(found["sum"], ROWS.sum(1))
    assert torch.equal(found["square"], ROWS.square())
    assert len(calls) == (2 if used else 2 + len(ROWS)), "two rows are compared"
    calls.clear()
    batching("x", counted, many, ROWS)
    assert len(calls) == (0 if used else len(ROWS)), "the comparison is made once"


def test_a_single_row_is_evaluated_alone() -> None:
    assert torch.equal(Batching(1e-10)("x", one, failing, ROWS[:1])["sum"], ROWS[:1].sum(1))


@pytest.mark.parametrize("name", CASES)
def test_several_points_of_a_module_have_the_values_of_each(name: str) -> None:
    family = ModuleLosses(made(name), {"loss": CASES[name].loss})
    objective, noise = (
        family.objective("loss"),
        torch.randn(5, family.size, generator=torch.Generator().manual_seed(0), dtype=torch.float64),
    )
    thetas = objective.theta + 0.1 * noise
    for values, each in (
        (family.measure(thetas)["loss"], [family.measure(row[None])["loss"][0] for row in thetas]),
        (objective.gradient(thetas), [objective.gradient(row) for row in thetas]),
        (objective.hessian_product(thetas[0], noise), [objective.hessian_product(thetas[0], v) for v in noise]),
    ):
        torch.testing.assert_close(values, torch.stack(each), rtol=1e-9, atol=1e-12 * float(values.abs().max()))
