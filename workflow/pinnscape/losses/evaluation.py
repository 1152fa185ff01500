"""Evaluation of the local expressions of terms at points, in torch.

A local expression is the energy density or residual of a term as a function of the point, the solution and its derivatives. If
it can be derived symbolically, torch evaluates the resulting formula; otherwise torch calls the expression as written.
Derivatives of the solution are passed as streams, see ``networks.streams``. Sites are the places at which a local expression is
evaluated at once: 2 for periodic conditions, otherwise 1.
"""

import copy
import logging
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor

from pinnscape.files.kept import Kept, made
from pinnscape.losses.expressions import Expressions, NotDerivable, Symbols, derive
from pinnscape.losses.formulas import ON_TENSORS, Argument, Derivation
from pinnscape.losses.solution import SiteData, Solution
from pinnscape.losses.terms import Term, Values, called, fault
from pinnscape.networks.activations import ACTIVATIONS
from pinnscape.networks.streams import Monomial, Streams, unit
from pinnscape.problems.field import Unknowns
from pinnscape.problems.points import PointSet
from pinnscape.problems.symbols import NOT_SYMBOLIC

log = logging.getLogger(__name__)
CHECKED_POINTS = 50  # number of points at which new formulas and new native code are checked
_AGREEMENT = 1e-9  # largest difference between a formula and its expression, relative to the largest value
_COMPARE: dict[str, Callable[[Tensor], Tensor]] = {
    "<": lambda margin: margin < 0.0,
    "<=": lambda margin: margin <= 0.0,
    ">": lambda margin: margin > 0.0,
    ">=": lambda margin: margin >= 0.0,
}


def _derivative(streams: Streams, u: Tensor, site: int, component: int, monomial: Monomial) -> Tensor:
    """A derivative (..., n) of a component at one site, from streams (..., S, sites, n, c)."""
    return u[..., streams.position[monomial], site, :, component]


def _laplacian(unknowns: Unknowns, streams: Streams, u: Tensor, site: int, component: int) -> Tensor:
    """The Laplacian (..., n) in the space variables of a component at one site, from streams (..., S, sites, n, c)."""
    if streams.laplacian == unknowns.space:
        return u[..., -1, site, :, component]
    squares = (unit(len(unknowns.variables), i, i) for i in unknowns.space)
    return sum(_derivative(streams, u, site, component, square) for square in squares)  # pyright: ignore[reportReturnType]


class Locals:
    """The local expressions of terms that share a point set.

    Args:
        solution: the network and its ansatz.
        points: the point set.
        terms: terms with distinct names.
        kept: cache of the symbolic derivations, if any.

    Attributes:
        derived: symbolic derivations of the terms for which there is one, by name.
        needed: derivatives of the solution that each term needs, by name.
        streams: derivatives of the solution that all terms together need.

    Raises:
        ProblemError: a term needs a derivative of higher order than the activation has, or its values with symbols differ from
            those with tensors.
    """

    def __init__(self, solution: Solution, points: PointSet, terms: Sequence[Term], kept: Kept | None = None) -> None:
        self.solution, self.points, self.terms, self.kept = solution, points, {term.name: term for term in terms}, kept
        self._place()
        self.derived: dict[str, Derivation] = {}
        self.needed: dict[str, Streams] = {}
        for name, term in self.terms.items():
            self._prepare(name, term)
        self.streams = Streams.union(list(self.needed.values()))

    def _place(self) -> None:
        """Convert the points and their data to tensors, and clear everything that was computed from other points."""
        tensor, points = self.solution.tensor, self.points
        self._x, self.weights = tensor(points.points), tensor(points.weights)
        self._columns = {name: tensor(column) for name, column in points.data.items()}
        self._prepared: dict[Streams, SiteData] = {}

    def moved(self, points: PointSet) -> Any:
        """A copy with other points."""
        other = copy.copy(self)
        other.points = points
        other._place()
        return other

    def as_written(self) -> Any:
        """A copy that calls the local expressions as written, with all derivatives that they access, instead of formulas."""
        other = copy.copy(self)
        other.derived = {}
        other.needed = {name: self._asked(term) for name, term in self.terms.items()}
        other.streams = Streams.union(list(other.needed.values()))
        return other

    @property
    def symbols(self) -> Symbols:
        """The symbols in which the local expressions are derived."""
        names = tuple(self.points.data), tuple(self.solution.parameters)
        return Symbols(self.solution.unknowns, self.points.sites, *names)

    def expressions(self, name: str) -> Expressions:
        """The local expression of a term as SymPy expressions.

        Raises:
            NotDerivable: the expression uses an operation that SymPy symbols do not support.
        """
        term = self.terms[name]
        local, exists = (term.local, term.exists) if term.symbolic is None else term.symbolic()
        return derive(local, self.symbols, exists)

    def _prepare(self, name: str, term: Term) -> None:
        """Set ``derived`` and ``needed`` of a term, from its derivation or, if there is none, from a trial evaluation.

        Raises:
            ProblemError: the term needs a derivative of higher order than the activation has.
        """
        stored = made(self.kept, f"derived {name} {self.symbols}", lambda: self._derive(term))
        if "reason" in stored:
            log.warning("the term %s cannot be derived symbolically (%s): it runs slower", name, stored["reason"])
            self.needed[name] = self._asked(term)
        else:
            self.derived[name] = Derivation.from_json(stored)
            self.needed[name] = self.derived[name].streams
        order, activation = self.needed[name].order, self.solution.network.activation
        exist = ACTIVATIONS[activation].exist
        if order > exist:
            text = f"needs derivatives of order {order} of the network, but the activation {activation} has {exist}"
            raise fault(term, f"{text}; choose a smoother one")

    def _derive(self, term: Term) -> dict[str, Any]:
        """The derivation of a term, checked against the expression as written; or the ``reason`` why there is none."""
        asked = self._asked(term)
        try:
            found = Derivation.of(self.expressions(term.name))
            # Fails now if torch cannot evaluate the formula: sign, DiracDelta, the logarithm of a number, ...
            found.formula.function(ON_TENSORS)(*(torch.ones(2, dtype=torch.float64) for _ in found.formula.arguments))
        except (NotDerivable, *NOT_SYMBOLIC) as error:
            return {"reason": " ".join(str(error).split())[:200]}
        self._compare(term, found, Streams.union([asked, found.streams]))
        return found.to_json()

    def _compare(self, term: Term, found: Derivation, streams: Streams) -> None:
        """Check a formula against the expression as written, at random parameters and some of the points.

        Raises:
            ProblemError: the values differ.
        """
        theta = 0.3 * torch.randn(self.solution.network.size, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
        rows = slice(CHECKED_POINTS)
        u = self.solution.solve(theta.to(self.solution.device), streams, self.data(streams).rows(rows))
        written, formula = self._written(term, u, streams, rows)[0], self._by_formula(found, u, streams, rows)[0]
        for value, other in zip((v.detach() for v in written), formula, strict=True):
            size = float(value.abs().nan_to_num(0.0, 0.0, 0.0).max())
            if not torch.allclose(value, other, rtol=0.0, atol=_AGREEMENT * size, equal_nan=True):
                worst = int((value - other).abs().nan_to_num(torch.inf).argmax())
                text = f"gives {float(other[worst]):.10g} with symbols where it gives {float(value[worst]):.10g} with tensors"
                raise fault(term, f"{text}; it must do the same with both")

    def _asked(self, term: Term) -> Streams:
        """The derivatives that a term accesses when it is called with tensors, including those that cancel.

        Raises:
            ProblemError: an energy has more than one value.
        """
        unknowns, one = self.solution.unknowns, 0.5 * torch.ones_like(self.weights[:1])
        asked = {(0,) * len(unknowns.variables)}

        def derivative(component: int, monomial: Monomial) -> Tensor:
            asked.add(monomial)
            return one.clone()

        fields = [unknowns.field(derivative)] * self.points.sites
        points = [unknowns.point(x[:1].unbind(-1)) for x in self._x]
        f = Values({name: column[:1] for name, column in self._columns.items()}, self.solution.parameters)
        outputs = called(term.local, points, fields, f)
        if term.kind == "energy" and len(outputs) != 1:
            raise fault(term, f"gives {len(outputs)} values; an energy has one")
        if term.exists is not None:
            called(term.exists, points, fields, f)
        return Streams.of(asked)

    def data(self, streams: Streams) -> SiteData:
        """Streams of inputs, factor and lift at all points, computed once for each set of streams."""
        if streams not in self._prepared:
            self._prepared[streams] = self.solution.data(streams, self._x)
        return self._prepared[streams]

    def __call__(self, name: str, u: Tensor, streams: Streams, rows: slice) -> tuple[list[Tensor], Tensor | None]:
        """Evaluate the local expression of a term.

        Args:
            name: name of the term.
            u: streams (..., S, sites, n, c) of the solution at the points ``rows``.
            streams: the derivatives that ``u`` holds.
            rows: the points.

        Returns:
            The energy density or the residuals, each (..., n); and where they exist, bool (..., n), or None if everywhere.
        """
        if name in self.derived:
            return self._by_formula(self.derived[name], u, streams, rows)
        return self._written(self.terms[name], u, streams, rows)

    def _by_formula(self, found: Derivation, u: Tensor, streams: Streams, rows: slice) -> tuple[list[Tensor], Tensor | None]:
        values = (self._value(argument, u, streams, rows) for argument in found.formula.arguments)
        results = [_full(value, u) for value in found.formula.function(ON_TENSORS)(*values)]
        return (results[:-1], _COMPARE[found.relation](results[-1])) if found.relation else (results, None)

    def _value(self, argument: Argument, u: Tensor, streams: Streams, rows: slice) -> Any:
        """The value of an argument of a formula: a tensor (..., n), or a number for a parameter of the problem."""
        if argument.kind == "coordinate":
            return self._x[argument.site, rows, argument.position]
        if argument.kind == "value":
            column = self._columns.get(argument.name)
            return self.solution.parameters[argument.name] if column is None else column[rows]
        unknowns, site, component = self.solution.unknowns, argument.site, argument.position
        if argument.kind == "laplacian":
            return _laplacian(unknowns, streams, u, site, component)
        return _derivative(streams, u, site, component, argument.monomial)

    def _written(self, term: Term, u: Tensor, streams: Streams, rows: slice) -> tuple[list[Tensor], Tensor | None]:
        """Like ``__call__``, by calling the local expression as written."""
        unknowns, sites = self.solution.unknowns, range(self.points.sites)
        fields = [unknowns.field(partial(_derivative, streams, u, site)) for site in sites]
        points = [unknowns.point(self._x[site, rows].unbind(-1)) for site in sites]
        f = Values({name: column[rows] for name, column in self._columns.items()}, self.solution.parameters)
        outputs = [_full(output, u) for output in called(term.local, points, fields, f)]
        exists = None if term.exists is None else called(term.exists, points, fields, f)[0]
        return outputs, exists


def _full(value: Tensor | float, u: Tensor) -> Tensor:
    """A value or number as a tensor (..., n), for streams u (..., S, sites, n, c)."""
    shape = u.shape[:-4] + u.shape[-2:-1]
    if isinstance(value, Tensor):
        return value.expand(shape)
    return torch.full(shape, float(value), dtype=u.dtype, device=u.device)
