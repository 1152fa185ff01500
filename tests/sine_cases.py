"""A discretisation that is linear in its parameters, u = Σ θ_k sin kπx, whose Hessians are known on paper."""

import math

import torch
from torch import Tensor

from pinnscape.losses.objective import Discretization
from pinnscape.networks.jets import Jet
from pinnscape.networks.mlp import Network
from pinnscape.problems import quadrature
from pinnscape.problems.catalog import problem


class SineSeries(Discretization):
    """Poisson 1-D; the exact solution sin πx + ½ sin 4πx is in the span from four terms on."""

    def __init__(self, terms: int, points: int = 40) -> None:
        super().__init__(problem("poisson1d"), Network(1, 1, 1, 1), quadrature.rule("gauss-legendre", points, 1))
        self.wavenumbers = math.pi * torch.arange(1.0, terms + 1, dtype=torch.float64)

    def jet(self, theta: Tensor, order: str) -> Jet:
        s, c = torch.sin(self.points * self.wavenumbers), torch.cos(self.points * self.wavenumbers)
        value, slope, bend = (theta @ basis.T for basis in (s, self.wavenumbers * c, -(self.wavenumbers**2) * s))
        return Jet(value.unsqueeze(-1), slope[..., None, None], bend.unsqueeze(-1))


def exact(terms: int) -> Tensor:
    """The parameters of the exact solution."""
    theta = torch.zeros(terms, dtype=torch.float64)
    theta[0], theta[3] = 1.0, 0.5
    return theta
