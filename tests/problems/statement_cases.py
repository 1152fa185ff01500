"""How terms are evaluated in tests: at fields of functions, by nested reverse differentiation throughout."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from pinnscape.problems import autograd
from pinnscape.problems.points import PointSet, Rule
from pinnscape.problems.problem import Problem
from pinnscape.problems.terms import TermSpec

Function = Callable[[Any], Any]


def rule_for(problem: Problem, points: int = 12) -> Rule:
    return Rule("duffy" if problem.domain.singular else "gauss-legendre", points)


def evaluated(term: TermSpec, problem: Problem, function: Function, placed: PointSet) -> list[Tensor]:
    """What a term is made of: the density, or what is squared (n,)."""
    sites = [autograd.differentiable(function, problem.domain, torch.tensor(at), problem.components) for at in placed.points]
    p, u = sites[0] if term.sites == 1 else zip(*sites, strict=True)
    data = {name: torch.tensor(column) for name, column in placed.data.items()}
    return autograd.columns(term.local(p, u, data), torch.tensor(placed.weights))


def value(term: TermSpec, problem: Problem, function: Function, rule: Rule | None = None) -> Tensor:
    """A term of a loss, with its weight."""
    placed = term.place(problem.domain, rule or rule_for(problem))
    parts, weights = evaluated(term, problem, function, placed), torch.tensor(placed.weights)
    if term.kind == "energy":
        (density,) = parts
        return term.weight * (density * weights).sum()
    return term.weight * sum(((part.square() * weights).sum() for part in parts), torch.tensor(0.0))


def loss(terms: Sequence[TermSpec], problem: Problem, function: Function, rule: Rule | None = None) -> dict[str, float]:
    """The terms of a loss by name."""
    return {term.name: float(value(term, problem, function, rule).detach()) for term in terms}


def network(inputs: int, outputs: int, seed: int = 0) -> Callable[[Sequence[Tensor]], list[Tensor]]:
    """A small random network, from inputs (n,) each to outputs (n,) each."""
    generator = torch.Generator().manual_seed(seed)
    first, bias, last = (torch.randn(*s, generator=generator, dtype=torch.float64) for s in ((9, inputs), (9, 1), (outputs, 9)))

    def function(values: Sequence[Tensor]) -> list[Tensor]:
        hidden = torch.tanh(first @ torch.stack([v.expand_as(values[0]) for v in values]) + bias)
        return list((last @ hidden).unbind(0))

    return function


def soft(problem: Problem, *names: str) -> Mapping[str, Mapping[str, str]]:
    """Settings that make conditions soft."""
    return {name: {"enforce": "soft"} for name in names}
