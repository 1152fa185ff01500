"""Losses of equations of several orders against the same losses by nested reverse-mode differentiation in torch.

Nothing but torch is needed on the other side: it does what a PINN in plain torch does, with the same points and parameters.
"""

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
import torch
from benchmarks import ours
from benchmarks.rows import Row, alternate, disagreement
from benchmarks.worker import Job, timed
from equation_cases import NESTED
from torch import Tensor

from pinnscape.losses.assembly import Assembly
from pinnscape.losses.field import FieldObjective

TITLES = {
    "convection": "convection, soft conditions",
    "kdv": "Korteweg-de Vries, third derivatives",
    "beam": "beam, fourth derivatives",
}
# What is timed, its target as a ratio of times, and how far results may be apart.
KINDS = {"loss": (1.0, 1e-10), "gradient": (3.0, 1e-8), "Hessian product": (3.0, 1e-8)}
_CALLS = 20  # in each timing
Nested = Callable[[Tensor], Tensor]  # the loss as a function of parameters, differentiable


def equations(repeats: int) -> Iterator[Row]:
    """Loss, gradient and Hessian-vector product of each equation."""
    for name in NESTED:
        yield from equation(name, repeats)


def equation(name: str, repeats: int) -> Iterator[Row]:
    """The rows of one equation."""
    make, terms, nested = NESTED[name]
    made: Assembly = make(compiler=ours.KERNELS)
    objective, plain = FieldObjective(name, made, terms), partial(nested, made)
    theta = torch.tensor(made.solution.network.initial("glorot", seed=0))
    theta += 0.1 * torch.tensor(np.random.default_rng(1).standard_normal(theta.shape))
    vector = torch.tensor(np.random.default_rng(2).standard_normal(theta.shape))
    network = made.solution.network
    note = f"{network.depth} layers of {network.width} units, {sum(made.terms[term].points.count for term in terms)} points"
    for kind, (target, allowed) in KINDS.items():
        mine, theirs = our_job(objective, kind, theta, vector), nested_job(plain, kind, theta, vector)
        agreement = disagreement(mine()["result"], theirs()["result"])
        seconds = alternate(partial(_seconds, mine), partial(_seconds, theirs), repeats)
        ratio, title = seconds[1] / seconds[0], f"{kind}, {TITLES[name]}"
        version = torch.__version__.split("+")[0]
        yield Row(title, seconds[0], "torch", version, seconds[1], ratio, f">= {target:g}", agreement, allowed, note)


def our_job(objective: FieldObjective, kind: str, theta: Tensor, vector: Tensor) -> Job:
    """What is timed of ours."""
    calls: dict[str, Callable[[], Tensor]] = {
        "loss": lambda: objective.loss(theta),
        "gradient": lambda: objective.gradient(theta),
        "Hessian product": lambda: objective.hessian_product(theta, vector),
    }
    return lambda: {"result": calls[kind]().numpy()}


def nested_job(loss: Nested, kind: str, theta: Tensor, vector: Tensor) -> Job:
    """The same in plain torch; a Hessian product is the derivative of the gradient along the vector."""

    def run() -> dict[str, np.ndarray]:
        leaf = theta.clone().requires_grad_()
        value = loss(leaf)
        if kind == "loss":
            return {"result": value.detach().numpy()}
        (slope,) = torch.autograd.grad(value, leaf, create_graph=kind != "gradient")
        if kind == "gradient":
            return {"result": slope.numpy()}
        return {"result": torch.autograd.grad(slope @ vector, leaf)[0].numpy()}

    return run


def _seconds(job: Job) -> float:
    """Mean seconds of consecutive calls, as in a training; a single call takes milliseconds and finds the caches cold."""
    return timed(lambda: [job() for _ in range(_CALLS)][-1])[0] / _CALLS
