"""A field that is linear in its parameters, u = Σ θ_k sin kπx, whose Hessians are known on paper."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from pinnscape.losses.discretization import Discretization
from pinnscape.losses.solution import SiteData, Solution
from pinnscape.networks.architectures import Architecture
from pinnscape.networks.forward import Trace
from pinnscape.networks.layout import Layer, Layout
from pinnscape.networks.streams import Streams, degree
from pinnscape.problems.loader import load
from pinnscape.problems.points import Rule


@dataclass(frozen=True)
class Coefficients(Architecture):
    """As many parameters as there are terms, and nothing else."""

    kind = "mlp"

    @property
    def layout(self) -> Layout:
        return Layout.of([Layer(self.width - 1, 1, 0)], permutable=True)


class Sines(Solution):
    """Σ θ_k sin kπx."""

    def solve(self, theta: Tensor, streams: Streams, data: SiteData, trace: Trace | None = None) -> Tensor:
        """Streams (..., S, sites, n, 1): derivatives of a sine are sines of shifted arguments."""
        wavenumbers = math.pi * torch.arange(1.0, self.network.width + 1, dtype=torch.float64)
        orders = [degree(monomial) for monomial in streams.monomials] + [2] * bool(streams.laplacian)
        angle = data.inputs[0] * wavenumbers
        rows = [wavenumbers**order * torch.sin(angle + 0.5 * math.pi * order) for order in orders]
        return torch.einsum("asnk,...k->...asn", torch.stack(rows), theta).unsqueeze(-1)


class SineSeries(Discretization):
    """Poisson 1-D; the exact solution sin πx + ½ sin 4πx is in the span from four terms on."""

    def __init__(self, terms: int, points: int = 40) -> None:
        super().__init__(load("poisson1d"), Coefficients(1, 1, terms, 1), Rule("gauss-legendre", points), solution=Sines)


def exact(terms: int) -> Tensor:
    """The parameters of the exact solution."""
    theta = torch.zeros(terms, dtype=torch.float64)
    theta[0], theta[3] = 1.0, 0.5
    return theta
