"""Evaluation of the terms on one point set by torch: values, gradients, and products with Hessians and Gauss-Newton parts.

All sums over points are computed block by block, because intermediate values at all points at once may not fit into memory.
"""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from pinnscape.losses.evaluation import Locals
from pinnscape.losses.terms import Term
from pinnscape.networks.arithmetic import total
from pinnscape.networks.streams import Streams


class TorchGroup(Locals):
    """Terms that share a point set, evaluated by torch."""

    def blocks(self, streams: Streams) -> Iterator[slice]:
        """Blocks of points whose intermediate values fit into the memory limit."""
        size = max(1, int(self.solution.memory / self.bytes_a_point(streams)))
        return (slice(start, start + size) for start in range(0, self.points.count, size))

    def bytes_a_point(self, streams: Streams) -> int:
        """Bytes of intermediate values at one point: about ten operations a layer, whose results are stored for derivatives."""
        network = self.solution.network
        return 8 * 10 * streams.count * network.width * len(network.layers) * self.points.sites

    def solve(self, theta: Tensor, streams: Streams, rows: slice) -> Tensor:
        """Streams (..., S, sites, n, c) of the solution at the points ``rows``, for parameters (..., P)."""
        return self.solution.solve(theta, streams, self.data(streams).rows(rows))

    def integral(self, name: str, u: Tensor, streams: Streams, rows: slice) -> tuple[Tensor, Tensor | None]:
        """The contribution of some of the points to a term.

        Args:
            name: name of the term.
            u: streams (..., S, sites, n, c) of the solution at the points ``rows``.
            streams: the derivatives that ``u`` holds.
            rows: the points.

        Returns:
            The contribution (...), NaN if the term does not exist at one of the points; and whether it exists at all of them,
            bool (...), or None if it exists everywhere.
        """
        # Not a matrix product: with that, the last digit of an entry would depend on the number of entries in the batch.
        outputs, exists = self(name, u, streams, rows)
        density = outputs[0] if self.terms[name].kind == "energy" else total(output.square() for output in outputs)
        value = (density * self.weights[rows]).sum(-1)
        if exists is None:
            return value, None
        return torch.where(exists.all(-1), value, torch.nan), exists.all(-1)

    def on(self, name: str, theta: Tensor, rows: slice) -> Tensor:
        """The contribution (...) of some of the points to a term at parameters (..., P), with an autograd graph."""
        streams = self.needed[name]
        return self.integral(name, self.solve(theta, streams, rows), streams, rows)[0]

    def loss(self, name: str, theta: Tensor) -> Tensor:
        """A term (...) at parameters (..., P), without the weight of the term."""
        with torch.no_grad():
            return total(self.on(name, theta, rows) for rows in self.blocks(self.needed[name]))

    def gradients(self, name: str, theta: Tensor) -> tuple[Tensor, Tensor]:
        """A term (...) and its gradient (..., P) at parameters (..., P), without the weight of the term."""
        theta = theta.detach().requires_grad_()
        loss, gradient = torch.zeros(theta.shape[:-1], dtype=theta.dtype, device=theta.device), torch.zeros_like(theta)
        for rows in self.blocks(self.needed[name]):
            summand = self.on(name, theta, rows)
            loss = loss + summand.detach()
            gradient = gradient + slope(summand.sum(), theta)
        return loss, torch.where(loss.isnan().unsqueeze(-1), torch.nan, gradient)

    def products(self, name: str, theta: Tensor, vectors: Tensor) -> Tensor:
        """Products (k, P) of the Hessian of a term at theta (P,) with vectors (k, P), by reverse over reverse mode."""
        summed = self._start(name, theta, vectors)
        for rows in self.blocks(self.needed[name]):
            leaf = theta.detach().requires_grad_()
            gradient = slope(self.on(name, leaf, rows), leaf, graph=True)
            summed = summed + torch.stack([slope(gradient @ vector, leaf, keep=True) for vector in vectors])
        return summed

    def gauss_newton(self, name: str, theta: Tensor, vectors: Tensor) -> Tensor:
        """Products (k, P) of the Gauss-Newton part of a term's Hessian at theta (P,) with vectors (k, P).

        The Gauss-Newton part is 2JᵀJ for squares and the Gram matrix for energies; neither matrix is formed. Let z be the
        quantities that the term is a function of, that is, residuals or the derivatives of u in an energy, and B = ∂z/∂theta.
        As Bᵀw is linear in w, Bv is the gradient of vᵀBᵀw in w.
        """
        term, summed = self.terms[name], self._start(name, theta, vectors)
        for rows in self.blocks(self.needed[name]):
            leaf = theta.detach().requires_grad_()
            z, curve = self._quantities(term, leaf, rows)
            weights = torch.zeros_like(z).requires_grad_()
            back = slope((z * weights).sum(), leaf, graph=True)
            products = []
            for vector in vectors:
                along = slope(back @ vector, weights, keep=True)
                products.append(slope((z * curve(along)).sum(), leaf, keep=True))
            summed = summed + torch.stack(products)
        return summed

    def _start(self, name: str, theta: Tensor, vectors: Tensor) -> Tensor:
        """The initial value (k, P) of sums of products: zeros, or NaN if the term does not exist.

        The NaN make all entries of the products NaN, including those of parameters on which the term does not depend.
        """
        missing = self.terms[name].exists is not None and bool(self.loss(name, theta).isnan())
        return torch.full_like(vectors, torch.nan if missing else 0.0)

    def _quantities(self, term: Term, theta: Tensor, rows: slice) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
        """The quantities z that a term depends on, and the product with its second derivative in z, including weights."""
        streams = self.needed[term.name]
        u = self.solve(theta, streams, rows)
        if term.kind == "squared":
            return torch.stack(self(term.name, u, streams, rows)[0]), lambda along: 2.0 * self.weights[rows] * along
        leaf = u.detach().requires_grad_()
        bent = slope(self.integral(term.name, leaf, streams, rows)[0], leaf, graph=True)
        return u, lambda along: slope((bent * along).sum(), leaf, keep=True)

    def measure(self, theta: Tensor) -> tuple[dict[str, Tensor], Tensor]:
        """All terms at parameters (..., P), from one forward pass.

        Returns:
            The terms (...) by name, without their weights; and whether all terms exist, bool (...).
        """
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
    """The gradient of a scalar with respect to a leaf tensor; zero if the scalar does not depend on it.

    Args:
        value: the scalar.
        leaf: the tensor.
        graph: whether the gradient itself is to be differentiated.
        keep: whether the graph of ``value`` is needed again.
    """
    if not value.requires_grad:
        return torch.zeros_like(leaf)
    return torch.autograd.grad(value, leaf, create_graph=graph, retain_graph=graph or keep, materialize_grads=True)[0]
