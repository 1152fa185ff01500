"""What is known of a formulation agrees with its loss, and is known in one place."""

import ast
from pathlib import Path
from typing import get_args

import pytest
from cases import small

from pinnscape.common.formulations import FORMULATIONS, PHYSICS, ordered
from pinnscape.config.sections import Loss
from pinnscape.problems import statement

WORKFLOW = Path(__file__).resolve().parents[2] / "workflow"


@pytest.mark.parametrize("problem", ["poisson1d", "neo_hookean2d", "convection", "beam"])
@pytest.mark.parametrize("name", FORMULATIONS)
def test_what_a_formulation_says_of_its_loss_is_true(problem, name):
    made = small(problem)
    if name not in made.losses:
        assert name == "deep-ritz"
        return
    objective, formulation = made.objective(name), FORMULATIONS[name]
    assert objective.is_squared == (not formulation.is_energy)
    assert objective.minimum == (made.energy_minimum if formulation.is_energy else 0.0)
    assert (name in made.physics) == (not formulation.is_reference)


def test_the_losses_of_a_problem_are_formulations_in_their_order():
    assert small().losses == tuple(FORMULATIONS)
    assert tuple(FORMULATIONS) == get_args(Loss) == (statement.DEEP_RITZ, statement.STRONG_FORM, statement.SUPERVISED)
    assert ordered(["supervised", "zeta", "strong-form", "alpha"]) == ["strong-form", "supervised", "alpha", "zeta"]


def test_the_physics_losses_are_those_that_do_not_know_the_exact_solution():
    assert PHYSICS == ("deep-ritz", "strong-form")


def by_name(node: ast.AST) -> bool:
    """Whether code compares with the name of a formulation, or looks something up by it."""
    values = []
    if isinstance(node, ast.Compare):
        values = [node.left, *node.comparators]
    elif isinstance(node, ast.Dict):
        values = node.keys
    elif isinstance(node, ast.Subscript):
        values = [node.slice]
    elif isinstance(node, ast.MatchValue):
        values = [node.value]
    return any(isinstance(value, ast.Constant) and value.value in FORMULATIONS for value in values)


def test_no_code_decides_by_the_name_of_a_formulation():
    trees = {path: ast.parse(path.read_text(encoding="utf-8")) for path in WORKFLOW.rglob("*.py")}
    assert [f"{path}:{node.lineno}" for path, tree in trees.items() for node in ast.walk(tree) if by_name(node)] == []
    assert any(
        by_name(node) for node in ast.walk(ast.parse("'strong-form' if name != 'deep-ritz' else {'supervised': 1}[name]"))
    )
