"""Local quantities z of a term (weighted residuals, or arguments of an energy density) and the term's derivatives in z.

For a squared term |z|², z = √w r are the weighted residuals. For an energy, z are the values and derivatives of u that occur in
its density. With B = ∂z/∂theta, the gradient of a term is Bᵀ times its first derivative in z. The Gauss-Newton part of its
Hessian is BᵀMB with its second derivative M in z: 2JᵀJ for squares, with J = B, and the energy Gram matrix for energies (Müller
& Zeinhofer 2023: the pullback of the second derivative of the energy). At a point where the term does not exist, all of these
are NaN.
"""

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from pinnscape.losses.group import TorchGroup, slope
from pinnscape.losses.solution import Solution
from pinnscape.networks.forward import Trace
from pinnscape.networks.streams import Streams


@dataclass(frozen=True)
class Quantities:
    """The local quantities of a term.

    Attributes:
        group: the terms on the same point set, including this one.
        name: name of the term.
        weight: weight of the term; nonnegative for a squared term.
    """

    group: TorchGroup
    name: str
    weight: float = 1.0

    @property
    def is_energy(self) -> bool:
        return self.group.terms[self.name].kind == "energy"

    @property
    def streams(self) -> Streams:
        return self.group.needed[self.name]

    @cached_property
    def count(self) -> int:
        """Number k of local quantities at a point."""
        if self.is_energy:
            return len(self._occurring)
        theta = torch.zeros(self.group.solution.network.size, dtype=torch.float64, device=self.group.solution.device)
        return self.of(self.group.solve(theta, self.streams, slice(1)), slice(1)).shape[-1]

    @cached_property
    def _occurring(self) -> list[int]:
        """Indices into the flattened streams (S, sites, c) of the entries that occur in an energy density, ascending."""
        u, sites = self.group.solution.unknowns, self.group.points.sites
        size = self.streams.count * sites * len(u.components)
        if self.name not in self.group.derived:
            return list(range(size))
        found = set()
        for argument in self.group.derived[self.name].formula.arguments:
            if argument.kind in ("derivative", "laplacian"):
                streams = self._streams_of(argument.kind, argument.monomial)
                found |= {(k * sites + argument.site) * len(u.components) + argument.position for k in streams}
        return sorted(found)

    def _streams_of(self, kind: str, monomial: tuple[int, ...]) -> tuple[int, ...]:
        if kind == "derivative":
            return (self.streams.position[monomial],)
        space = self.group.solution.unknowns.space
        return (self.streams.count - 1,) if self.streams.laplacian else self.streams.summands(space)

    def of(self, u: Tensor, rows: slice) -> Tensor:
        """Local quantities (n, k) from streams (S, sites, n, c) of the solution at the points ``rows``."""
        if self.is_energy:
            return u.movedim(-2, 0).flatten(1)[:, self._occurring]
        outputs, exists = self.group(self.name, u, self.streams, rows)
        factor = (self.weight * self.group.weights[rows]).sqrt()
        if exists is not None:
            # A NaN factor also makes the derivatives NaN; choosing NaN with `torch.where` would make them zero.
            factor = torch.where(exists, 1.0, torch.nan) * factor
        return factor.unsqueeze(-1) * torch.stack(outputs, -1)

    @torch.no_grad()
    def values(self, theta: Tensor) -> Tensor:
        """Local quantities (n, k) at all points, at theta (P,)."""
        blocks = self.group.blocks(self.streams)
        return torch.cat([self.of(self.group.solve(theta, self.streams, rows), rows) for rows in blocks])

    def slope_and_modulus(self, theta: Tensor) -> tuple[Tensor, Tensor]:
        """First derivative (n, k) and second derivative (n, k, k) of the weighted term in z at each point, at theta (P,)."""
        if not self.is_energy:
            z = self.values(theta)
            return 2.0 * z, 2.0 * torch.eye(z.shape[-1], dtype=z.dtype, device=z.device).expand(len(z), -1, -1)
        found = [self.of_energy(theta, rows) for rows in self.group.blocks(self.streams)]
        return torch.cat([first for first, _ in found]), torch.cat([second for _, second in found])

    def of_energy(self, theta: Tensor, rows: slice) -> tuple[Tensor, Tensor]:
        """Like ``slope_and_modulus``, for an energy at the points ``rows``."""
        with torch.no_grad():
            u = self.group.solve(theta, self.streams, rows)
        shape = u.movedim(-2, 0).shape
        rest = u.movedim(-2, 0).flatten(1)
        with torch.enable_grad():
            z = self.of(u, rows).requires_grad_()
            full = rest.index_copy(1, torch.tensor(self._occurring, device=u.device), z)
            outputs, exists = self.group(self.name, full.reshape(shape).movedim(0, -2), self.streams, rows)
            first = slope(outputs[0].sum(), z, graph=True)
            second = torch.stack([slope(column.sum(), z, keep=True) for column in first.unbind(-1)], 1)
        factor = self.weight * self.group.weights[rows]
        if exists is not None:
            factor = torch.where(exists, factor, torch.nan)
        return factor[:, None] * first.detach(), factor[:, None, None] * second

    def sensitivities(self, theta: Tensor, rows: slice) -> Tensor:
        """The derivatives B = ∂z/∂theta (n, k, P) at the points ``rows``, at theta (P,)."""
        if type(self.group.solution) is not Solution:
            return self._automatic(theta, rows)
        data = self.group.data(self.streams).rows(rows)
        # Each point gets its own copy of theta, so that one gradient of a sum over points gives the rows of all points.
        copies = theta.detach().expand(data.inputs.shape[2], -1).clone().requires_grad_()
        values = self.of(self.group.solution.at_each_point(copies, self.streams, data), rows)
        return torch.stack([slope(v.sum(), copies, keep=True) for v in values.unbind(-1)], 1)

    def _automatic(self, theta: Tensor, rows: slice) -> Tensor:
        """Like ``sensitivities``, computed row by row, for solutions that are not networks."""
        theta = theta.detach().requires_grad_()
        values = self.of(self.group.solve(theta, self.streams, rows), rows)
        return torch.stack([slope(v, theta, keep=True) for v in values.flatten()]).unflatten(0, values.shape)

    def pieces(self, size: int) -> list[slice]:
        """Blocks of points whose derivatives in P = ``size`` parameters, with copies of theta, fit into the memory limit."""
        block = max(1, int(self.group.solution.memory / (8 * size * (self.count + 3))))
        return [slice(start, start + block) for start in range(0, self.group.points.count, block)]

    def pull_back(self, theta: Tensor, weights: Tensor) -> Tensor:
        """The products Bᵀw (j, P) for vectors w (j, n k), given as ``weights``, at theta (P,); B is not formed."""
        total, start = theta.new_zeros(len(weights), theta.numel()), 0
        for rows in self.group.blocks(self.streams):
            leaf = theta.detach().requires_grad_()
            z = self.of(self.group.solve(leaf, self.streams, rows), rows)
            for row, w in zip(total, weights[:, start : start + z.numel()], strict=True):
                row += slope((z * w.reshape(z.shape)).sum(), leaf, keep=True)
            start += z.numel()
        return total

    def trace(self, theta: Tensor) -> list[tuple[Tensor, Tensor]]:
        """Inputs and adjoints of all affine maps of the network, at theta (P,).

        Returns:
            For each affine map, the streams (S · sites, n, fan_in) of its input, and the derivatives of each of the k local
            quantities in the streams of its output (k, S · sites, n, fan_out).
        """
        found = [self._trace(theta, rows) for rows in self.group.blocks(self.streams)]
        return [
            (torch.cat([a for a, _ in layer], -2), torch.cat([b for _, b in layer], -2)) for layer in zip(*found, strict=True)
        ]

    def _trace(self, theta: Tensor, rows: slice) -> list[tuple[Tensor, Tensor]]:
        data, trace = self.group.data(self.streams).rows(rows), Trace()
        u = self.group.solution.solve(theta.detach().requires_grad_(), self.streams, data, trace)
        values, sites = self.of(u, rows), self.group.points.sites
        outs = [out for _, out in trace]
        adjoints = [torch.autograd.grad(v.sum(), outs, retain_graph=True, materialize_grads=True) for v in values.unbind(-1)]

        def by_site(rows: Tensor) -> Tensor:
            return rows.unflatten(-2, (sites, -1)).flatten(-4, -3)

        layers = zip(*adjoints, strict=True)
        return [
            (by_site(a.detach()), torch.stack([by_site(b) for b in layer])) for (a, _), layer in zip(trace, layers, strict=True)
        ]

    @property
    def values_among_streams(self) -> list[int]:
        """Indices of the values among the S · sites streams of ``trace``; biases are added only to these."""
        return list(range(self.group.points.sites))
