"""Terms on one point set, evaluated by torch operation by operation: values, gradients and products, batched over parameters where that makes sense.

Intermediate values of all points at once may not fit into memory: everything is summed over blocks of points.
"""

import copy
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

import torch
from torch import Tensor

from pinnscape.losses.expressions import Expressions, NotDerivable, Symbols, derive
from pinnscape.losses.sites import Components, Point, TensorField, Unknowns, Values, called
from pinnscape.losses.terms import Ansatz, PointSet, Term, fault
from pinnscape.networks.activations import ACTIVATIONS
from pinnscape.networks.architectures import Architecture
from pinnscape.networks.embeddings import embedded
from pinnscape.networks.forward import function_streams, network_streams
from pinnscape.networks.streams import Monomial, Streams, unit


@dataclass(frozen=True)
class Solution:
    """The discrete solution: a network, what it stands for, and the ansatz.

    Attributes:
        network: architecture.
        unknowns: names of variables and components.
        ansatz: of lift and factor.
        parameters: of the problem, by name.
        device: of all tensors; they are float64.
        memory: bound on the intermediate values of one evaluation by torch, in bytes.

    Raises:
        ValueError: the network's inputs or outputs do not fit the unknowns.
    """

    network: Architecture
    unknowns: Unknowns
    ansatz: Ansatz
    parameters: Mapping[str, float]
    device: torch.device
    memory: float

    def __post_init__(self) -> None:
        """Check the sizes."""
        d, c = len(self.unknowns.variables), len(self.unknowns.components)
        if (self.network.inputs, self.network.outputs) != (d, c):
            raise ValueError(
                f"`network` must map {d} inputs to {c} outputs, not {self.network.inputs} to {self.network.outputs}"
            )

    def tensor(self, array: object) -> Tensor:
        return torch.as_tensor(array, dtype=torch.float64, device=self.device)

    def at(self, theta: Tensor, points: Tensor) -> Tensor:
        """The solution (..., n, c) at any points (n, d)."""
        streams = Streams.of([(0,) * points.shape[1]])
        u = network_streams(self.network, theta, embedded(self.network.embeddings, points, streams), streams)[..., 0, :, :]
        u = u if self.ansatz.factor is None else self.ansatz.factor(points) * u
        return u if self.ansatz.lift is None else self.ansatz.lift(points) + u


@dataclass(frozen=True)
class _Data:
    """What of a point set enters the solution, as streams (S, sites, n, ...); None where there is no factor or lift."""

    inputs: Tensor
    factor: Tensor | None
    lift: Tensor | None

    def rows(self, rows: slice) -> "_Data":
        return _Data(*(None if part is None else part[:, :, rows] for part in (self.inputs, self.factor, self.lift)))  # pyright: ignore[reportArgumentType]


class _Source:
    """Derivatives of one component at one site, from streams (..., S, sites, n, c)."""

    def __init__(self, unknowns: Unknowns, streams: Streams, u: Tensor, site: int, component: int) -> None:
        self.unknowns, self._streams, self._u, self._place = unknowns, streams, u, (site, component)

    def derivative(self, monomial: Monomial) -> Tensor:
        if monomial not in self._streams.position:
            raise AttributeError(f"the derivative {monomial} was not computed")
        return self._stream(self._streams.position[monomial])

    def laplacian(self) -> Tensor:
        if self._streams.laplacian == self.unknowns.space:
            return self._stream(-1)
        dimension = len(self.unknowns.variables)
        return sum(self.derivative(unit(dimension, i, i)) for i in self.unknowns.space)  # pyright: ignore[reportReturnType]

    def _stream(self, k: int) -> Tensor:
        site, component = self._place
        return self._u[..., k, site, :, component]


class _Recorder:
    """Stands for all derivatives that are asked for, and keeps which they are."""

    def __init__(self, unknowns: Unknowns) -> None:
        self.unknowns, self.asked, self.traced = unknowns, {(0,) * len(unknowns.variables)}, False

    def derivative(self, monomial: Monomial) -> Tensor:
        self.asked.add(monomial)
        return torch.full((1,), 0.5, dtype=torch.float64)

    def laplacian(self) -> Tensor:
        self.traced = True
        return torch.full((1,), 0.5, dtype=torch.float64)


class TorchGroup:
    """Terms that share a point set, by torch.

    Args:
        solution: the network and its ansatz.
        points: which they share.
        terms: with different names.

    Raises:
        ProblemError: a term needs a derivative that the activation does not have.
    """

    def __init__(self, solution: Solution, points: PointSet, terms: Sequence[Term]) -> None:
        self.solution, self.points, self.terms = solution, points, {term.name: term for term in terms}
        self.needed = {name: self._needed(term) for name, term in self.terms.items()}
        self.streams = Streams.union(list(self.needed.values()))
        self._prepared: dict[Streams, _Data] = {}
        self._place()

    def moved(self, solution: Solution, points: PointSet) -> "TorchGroup":
        """The same terms at other points, or with other parameters of the problem."""
        other = copy.copy(self)
        other.solution, other.points, other._prepared = solution, points, {}
        other._place()
        return other

    def _place(self) -> None:
        """Everything that depends on the points and their data."""
        tensor, points = self.solution.tensor, self.points
        self._x, self.weights = tensor(points.points), tensor(points.weights)
        self._columns = {name: tensor(column) for name, column in points.data.items()}

    @property
    def symbols(self) -> Symbols:
        """Of the terms' local expressions."""
        names = tuple(self.points.data), tuple(self.solution.parameters)
        return Symbols(self.solution.unknowns, self.points.sites, *names)

    def derive(self, name: str) -> Expressions:
        """The local expression of a term on symbols.

        Raises:
            NotDerivable: it does something that symbols cannot do.
        """
        return derive(self.terms[name].local, self.symbols, self.terms[name].exists)

    def _needed(self, term: Term) -> Streams:
        """The derivatives that a term asks for on tensors, even if some of them cancel."""
        unknowns, sites = self.solution.unknowns, self.points.sites
        recorder = _Recorder(unknowns)
        fields = [Components.of(unknowns.components, [TensorField.of(recorder) for _ in unknowns.components])] * sites
        points = [Point(unknowns.variables, self.solution.tensor(x[:1]).unbind(-1)) for x in self.points.points]
        f = Values({name: self.solution.tensor(c[:1]) for name, c in self.points.data.items()}, self.solution.parameters)
        outputs = called(term.local, points, fields, f)
        if term.kind == "energy" and len(outputs) != 1:
            raise fault(term, f"gives {len(outputs)} values; an energy has one")
        if term.exists is not None:
            called(term.exists, points, fields, f)
        squares = {unit(len(unknowns.variables), i, i) for i in unknowns.space if recorder.traced}
        asked = Streams.of(recorder.asked)
        found = Streams.of([*recorder.asked, *squares]) if squares & set(asked.monomials) else asked
        if recorder.traced and found is asked:
            found = Streams.of(recorder.asked, unknowns.space)
        self._smooth(term, found)
        return found

    def _smooth(self, term: Term, asked: Streams) -> None:
        """Check that the activation has the derivatives that a term needs.

        Raises:
            ProblemError: it does not.
        """
        name = self.solution.network.activation
        order, exist = asked.order, ACTIVATIONS[name].exist
        if order > exist:  # unless what is asked for cancels
            with suppress(NotDerivable):
                order = self.derive(term.name).streams.order
        if order > exist:
            raise fault(
                term,
                f"needs derivatives of order {order} of the network, but the activation {name} has {exist}; choose a smoother one",
            )

    def data(self, streams: Streams) -> _Data:
        """Streams of inputs, factor and lift at all points, kept."""
        if streams not in self._prepared:
            network, ansatz, flat = self.solution.network, self.solution.ansatz, self._x.flatten(0, 1)
            found = [embedded(network.embeddings, flat, streams)]
            found += [None if part is None else function_streams(part, flat, streams) for part in (ansatz.factor, ansatz.lift)]
            shape = self._x.shape[:2]
            self._prepared[streams] = _Data(*(None if part is None else part.unflatten(1, shape) for part in found))  # pyright: ignore[reportArgumentType]
        return self._prepared[streams]

    def blocks(self, streams: Streams, batch: int = 1) -> Iterator[slice]:
        """Blocks of points whose intermediate values are within the memory, for a batch of parameters."""
        network = self.solution.network
        # An intermediate value for each of the ten or so operations of a layer, kept for the derivatives.
        each = 8 * 10 * streams.count * network.width * len(network.layers) * self.points.sites * batch
        size = max(1, int(self.solution.memory / each))
        return (slice(start, start + size) for start in range(0, self.points.count, size))

    def solve(self, theta: Tensor, streams: Streams, data: _Data) -> Tensor:
        """Streams (..., S, sites, n, c) of the solution for parameters (..., P)."""
        sites = data.inputs.shape[-3:-1]
        u = network_streams(self.solution.network, theta, data.inputs.flatten(-3, -2), streams).unflatten(-2, sites)
        return hard(u, streams, data)

    def locals(self, term: Term, u: Tensor, streams: Streams, rows: slice) -> tuple[list[Tensor], Tensor | None]:
        """The outputs of a term's local expression, each (..., n), and where it exists, from streams (..., S, sites, n, c) of the solution."""
        unknowns, sites = self.solution.unknowns, range(self.points.sites)
        fields = [
            Components.of(
                unknowns.components,
                [TensorField.of(_Source(unknowns, streams, u, site, c)) for c in range(len(unknowns.components))],
            )
            for site in sites
        ]
        points = [Point(unknowns.variables, self._x[site, rows].unbind(-1)) for site in sites]
        f = Values({name: column[rows] for name, column in self._columns.items()}, self.solution.parameters)
        shape = u.shape[:-4] + u.shape[-2:-1]
        outputs = [_full(output, shape, u) for output in called(term.local, points, fields, f)]
        exists = None if term.exists is None else called(term.exists, points, fields, f)[0]
        return outputs, exists

    def integral(self, term: Term, u: Tensor, streams: Streams, rows: slice) -> tuple[Tensor, Tensor | None]:
        """The part of a term (...) that comes from some of the points, and whether it exists at all of them (...); NaN where it does not.

        A sum over points for each entry by itself. By a matrix product, its last digit would depend on how many others are computed with it.
        """
        outputs, exists = self.locals(term, u, streams, rows)
        density = outputs[0] if term.kind == "energy" else _sum(output.square() for output in outputs)
        value = (density * self.weights[rows]).sum(-1)
        if exists is None:
            return value, None
        return torch.where(exists.all(-1), value, torch.nan), exists.all(-1)

    def on(self, name: str, theta: Tensor, rows: slice) -> Tensor:
        """The part of a term (...) that comes from some of the points, to be differentiated."""
        streams = self.needed[name]
        u = self.solve(theta, streams, self.data(streams).rows(rows))
        return self.integral(self.terms[name], u, streams, rows)[0]

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
        streams, w = self.needed[term.name], self.weights[rows]
        u = self.solve(theta, streams, self.data(streams).rows(rows))
        if term.kind == "squared":
            outputs, exists = self.locals(term, u, streams, rows)
            factor = 2.0 * w if exists is None else torch.where(exists, 2.0 * w, torch.nan)
            return torch.stack(outputs), lambda along: (factor * along).detach()
        leaf = u.detach().requires_grad_()
        bent = slope(self.integral(term, leaf, streams, rows)[0], leaf, graph=True)
        return u, lambda along: slope((bent * along).sum(), leaf, keep=True)

    def measure(self, theta: Tensor) -> tuple[dict[str, Tensor], Tensor]:
        """All terms (...) at parameters (..., P) from one pass through the network, and whether all of them exist (...)."""
        totals: dict[str, Tensor] = {}
        exist = torch.ones(theta.shape[:-1], dtype=torch.bool, device=theta.device)
        with torch.no_grad():
            for rows in self.blocks(self.streams):
                u = self.solve(theta, self.streams, self.data(self.streams).rows(rows))
                for name, term in self.terms.items():
                    value, found = self.integral(term, u, self.streams, rows)
                    totals[name] = totals[name] + value if name in totals else value
                    exist = exist if found is None else exist & found
        return totals, exist


def hard(u: Tensor, streams: Streams, data: _Data) -> Tensor:
    """Streams of lift + factor · network from those (..., S, sites, n, c) of the network."""
    if data.factor is not None:
        u = torch.stack(streams.product(u.unbind(-4), data.factor.unbind(-4)), -4)
    return u if data.lift is None else u + data.lift


def slope(value: Tensor, leaf: Tensor, graph: bool = False, keep: bool = False) -> Tensor:
    """The gradient of a number; zero where it does not depend on the leaf."""
    if not value.requires_grad:
        return torch.zeros_like(leaf)
    return torch.autograd.grad(value, leaf, create_graph=graph, retain_graph=graph or keep, materialize_grads=True)[0]


def _full(value: Tensor | float, shape: torch.Size, like: Tensor) -> Tensor:
    """A plain tensor of all points, from one or from a number."""
    if isinstance(value, Tensor):
        return value.as_subclass(Tensor).expand(shape)
    return torch.full(shape, float(value), dtype=like.dtype, device=like.device)


def _sum(summands: Iterable[Tensor]) -> Tensor:
    total, *rest = summands
    for summand in rest:
        total = total + summand
    return total
