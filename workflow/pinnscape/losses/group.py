"""Terms on one point set, evaluated by torch operation by operation: values, gradients and products, batched over parameters where that makes sense.

Intermediate values of all points at once may not fit into memory: everything is summed over blocks of points.
"""

from collections.abc import Callable, Iterable, Iterator

import torch
from torch import Tensor

from pinnscape.losses.evaluation import Locals
from pinnscape.losses.terms import Term
from pinnscape.networks.streams import Streams


class TorchGroup(Locals):
    """Terms that share a point set, by torch."""

    def blocks(self, streams: Streams) -> Iterator[slice]:
        """Blocks of points whose intermediate values are within the memory."""
        size = max(1, int(self.solution.memory / self.bytes_a_point(streams)))
        return (slice(start, start + size) for start in range(0, self.points.count, size))

    def bytes_a_point(self, streams: Streams) -> int:
        """Of intermediate values at one point: one for each of the ten or so operations of a layer, kept for the derivatives."""
        network = self.solution.network
        return 8 * 10 * streams.count * network.width * len(network.layers) * self.points.sites

    def solve(self, theta: Tensor, streams: Streams, rows: slice) -> Tensor:
        """Streams (..., S, sites, n, c) of the solution at some of the points, for parameters (..., P)."""
        return self.solution.solve(theta, streams, self.data(streams).rows(rows))

    def integral(self, name: str, u: Tensor, streams: Streams, rows: slice) -> tuple[Tensor, Tensor | None]:
        """The part of a term (...) that comes from some of the points, and whether it exists at all of them (...); NaN where it does not.

        A sum over points for each entry by itself. By a matrix product, its last digit would depend on how many others are computed with it.
        """
        outputs, exists = self(name, u, streams, rows)
        density = outputs[0] if self.terms[name].kind == "energy" else _sum(output.square() for output in outputs)
        value = (density * self.weights[rows]).sum(-1)
        if exists is None:
            return value, None
        return torch.where(exists.all(-1), value, torch.nan), exists.all(-1)

    def on(self, name: str, theta: Tensor, rows: slice) -> Tensor:
        """The part of a term (...) that comes from some of the points, to be differentiated."""
        streams = self.needed[name]
        return self.integral(name, self.solve(theta, streams, rows), streams, rows)[0]

    def loss(self, name: str, theta: Tensor) -> Tensor:
        """A term (...) at parameters (..., P), without its weight."""
        with torch.no_grad():
            return _sum(self.on(name, theta, rows) for rows in self.blocks(self.needed[name]))

    def gradients(self, name: str, theta: Tensor) -> tuple[Tensor, Tensor]:
        """A term (...) and its gradient (..., P)."""
        theta = theta.detach().requires_grad_()
        loss, gradient = torch.zeros(theta.shape[:-1], dtype=theta.dtype, device=theta.device), torch.zeros_like(theta)
        for rows in self.blocks(self.needed[name]):
            summand = self.on(name, theta, rows)
            loss = loss + summand.detach()
            gradient = gradient + slope(summand.sum(), theta)
        return loss, torch.where(loss.isnan().unsqueeze(-1), torch.nan, gradient)

    def products(self, name: str, theta: Tensor, vectors: Tensor) -> Tensor:
        """Hessian of a term at theta (P,) times vectors (k, P), backwards twice through one graph; zeros where a term is linear in theta."""
        total = self._start(name, theta, vectors)
        for rows in self.blocks(self.needed[name]):
            leaf = theta.detach().requires_grad_()
            gradient = slope(self.on(name, leaf, rows), leaf, graph=True)
            total = total + torch.stack([slope(gradient @ vector, leaf, keep=True) for vector in vectors])
        return total

    def gauss_newton(self, name: str, theta: Tensor, vectors: Tensor) -> Tensor:
        """Gauss-Newton part of the Hessian at theta (P,) times vectors (k, P): 2JᵀJ for squares, for energies the Gram matrix; it is not formed.

        Backwards twice through one graph: Bᵀ w is linear in w, and its derivative in w along v is B v, for the quantities z that the term is a
        function of: residuals, or the derivatives of u of which an energy is made.
        """
        term, total = self.terms[name], self._start(name, theta, vectors)
        for rows in self.blocks(self.needed[name]):
            leaf = theta.detach().requires_grad_()
            z, curve = self._quantities(term, leaf, rows)
            weights = torch.zeros_like(z).requires_grad_()
            back = slope((z * weights).sum(), leaf, graph=True)
            products = []
            for vector in vectors:
                along = slope(back @ vector, weights, keep=True)
                products.append(slope((z * curve(along)).sum(), leaf, keep=True))
            total = total + torch.stack(products)
        return total

    def _start(self, name: str, theta: Tensor, vectors: Tensor) -> Tensor:
        """What products are added to: NaN where a term does not exist, even for parameters on which it does not depend."""
        missing = self.terms[name].exists is not None and bool(self.loss(name, theta).isnan())
        return torch.full_like(vectors, torch.nan if missing else 0.0)

    def _quantities(self, term: Term, theta: Tensor, rows: slice) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
        """What a term is a function of at each point, and the product with its second derivative in these, with the weights."""
        streams = self.needed[term.name]
        u = self.solve(theta, streams, rows)
        if term.kind == "squared":
            return torch.stack(self(term.name, u, streams, rows)[0]), lambda along: 2.0 * self.weights[rows] * along
        leaf = u.detach().requires_grad_()
        bent = slope(self.integral(term.name, leaf, streams, rows)[0], leaf, graph=True)
        return u, lambda along: slope((bent * along).sum(), leaf, keep=True)

    def measure(self, theta: Tensor) -> tuple[dict[str, Tensor], Tensor]:
        """All terms (...) at parameters (..., P) from one pass through the network, and whether all of them exist (...)."""
        totals: dict[str, Tensor] = {}
        exist = torch.ones(theta.shape[:-1], dtype=torch.bool, device=theta.device)
        with torch.no_grad():
            for rows in self.blocks(self.streams):
                u = self.solve(theta, self.streams, rows)
                for name in self.terms:
                    value, found = self.integral(name, u, self.streams, rows)
                    totals[name] = totals[name] + value if name in totals else value
                    exist = exist if found is None else exist & found
        return totals, exist


def slope(value: Tensor, leaf: Tensor, graph: bool = False, keep: bool = False) -> Tensor:
    """The gradient of a number; zero where it does not depend on the leaf."""
    if not value.requires_grad:
        return torch.zeros_like(leaf)
    return torch.autograd.grad(value, leaf, create_graph=graph, retain_graph=graph or keep, materialize_grads=True)[0]


def _sum(summands: Iterable[Tensor]) -> Tensor:
    total, *rest = summands
    for summand in rest:
        total = total + summand
    return total
