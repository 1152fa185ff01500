"""Modules as users write them, each with a loss that uses torch as a training loop does, and a plain loop that evaluates them."""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

X = torch.rand(40, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
IMAGES = torch.rand(12, 1, 6, 6, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
CLASSES = torch.arange(12) % 3


@dataclass(frozen=True)
class Case:
    make: Callable[[], nn.Module]
    loss: Callable[[nn.Module], Any]


def mlp(width: int = 6) -> nn.Module:
    return nn.Sequential(nn.Linear(2, width), nn.Tanh(), nn.Linear(width, width), nn.Tanh(), nn.Linear(width, 1))


def like(x: Tensor, module: nn.Module) -> Tensor:
    """A tensor in the precision and on the device of a module."""
    return x.to(next(module.parameters()))


def dtype_of(module: nn.Module) -> torch.dtype:
    return next(module.parameters()).dtype


def pinn(module: nn.Module) -> dict[str, Tensor]:
    """Convection with soft conditions; derivatives by `torch.autograd.grad`."""
    x = like(X, module).clone().requires_grad_()
    u = module(x)
    (slope,) = torch.autograd.grad(u.sum(), x, create_graph=True)
    start = torch.cat([x[:, :1], torch.zeros_like(x[:, :1])], 1)
    initial = module(start) - torch.sin(3.0 * x[:, :1])
    return {"interior": (slope[:, 1] + 3.0 * slope[:, 0]).square().mean(), "initial": 10.0 * initial.square().mean()}


def regression(module: nn.Module) -> Tensor:
    x = like(X, module)
    return (module(x) - x.prod(1, keepdim=True)).square().mean()


class Normalised(nn.Module):
    """Batch normalisation in training mode, and a buffer that each evaluation changes."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.norm, self.last = nn.Linear(2, 5), nn.BatchNorm1d(5), nn.Linear(5, 1)
        self.register_buffer("calls", torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        return self.last(torch.tanh(self.norm(self.first(x))))


class Tied(nn.Module):
    """One layer that is used twice, a frozen one, and a parameter of its own that is learned, as in an inverse problem."""

    def __init__(self) -> None:
        super().__init__()
        self.into, self.inner, self.last = nn.Linear(2, 4), nn.Linear(4, 4), nn.Linear(4, 1)
        self.again = self.inner
        self.into.requires_grad_(False)
        self.speed = nn.Parameter(torch.tensor(0.7))

    def forward(self, x: Tensor) -> Tensor:
        return self.speed * self.last(torch.sin(self.again(torch.sin(self.inner(self.into(x))))))


class Convolutions(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(1, 3, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(12, 3))

    def forward(self, x: Tensor) -> Tensor:
        return self.body(x)


def cross_entropy(module: nn.Module) -> Tensor:
    return nn.functional.cross_entropy(module(like(IMAGES, module)), CLASSES.to(next(module.parameters()).device))


class Positive(nn.Module):
    def forward(self, weight: Tensor) -> Tensor:
        return nn.functional.softplus(weight)


def penalised(module: nn.Module) -> Tensor:
    """A loss with the norm of its own gradient in the parameters, as in sharpness-aware training."""
    loss = regression(module)
    gradient = torch.autograd.grad(loss, [p for p in module.parameters() if p.requires_grad], create_graph=True)
    return loss + 0.1 * sum(part.square().sum() for part in gradient)


def parametrised() -> nn.Module:
    module = nn.Sequential(nn.Linear(2, 4), nn.SiLU(), nn.Linear(4, 1))
    nn.utils.parametrize.register_parametrization(module[0], "weight", Positive())
    return module


CASES = {
    "pinn": Case(mlp, pinn),
    "normalised": Case(Normalised, regression),
    "tied": Case(Tied, regression),
    "convolutions": Case(Convolutions, cross_entropy),
    "parametrised": Case(parametrised, regression),
    "penalised": Case(mlp, penalised),
    "linear": Case(lambda: nn.Linear(2, 1), lambda module: module(like(X, module)).sum()),
}


def made(name: str, dtype: torch.dtype = torch.float64) -> nn.Module:
    torch.manual_seed(3)
    return CASES[name].make().to(dtype)


def total(found: Any) -> Tensor:
    return sum(found.values()) if isinstance(found, dict) else found


class Loop:
    """What a user would write by hand: a copy of the module whose parameters are set before each evaluation."""

    def __init__(self, module: nn.Module, loss: Callable[[nn.Module], Any]) -> None:
        self.module, self.loss = module, loss

    def at(self, theta: Tensor) -> tuple[Tensor, list[nn.Parameter]]:
        module = copy.deepcopy(self.module)
        parameters = [p for p in module.parameters() if p.requires_grad]
        nn.utils.vector_to_parameters(theta.to(parameters[0].dtype), parameters)
        return total(self.loss(module)), parameters

    def value(self, theta: Tensor) -> float:
        return float(self.at(theta)[0].detach())

    def gradient(self, theta: Tensor) -> Tensor:
        value, parameters = self.at(theta)
        value.backward()
        return torch.cat([p.grad.flatten() for p in parameters]).double()

    def product(self, theta: Tensor, vector: Tensor) -> Tensor:
        value, parameters = self.at(theta)
        gradient = torch.cat([g.flatten() for g in torch.autograd.grad(value, parameters, create_graph=True)])
        if not gradient.requires_grad:
            return torch.zeros_like(vector)
        found = torch.autograd.grad(gradient @ vector.to(gradient.dtype), parameters, allow_unused=True, materialize_grads=True)
        return torch.cat([g.flatten() for g in found]).double()
