"""Partial derivatives that travel together: which of them a computation needs, and how products and compositions mix them.

A *stream* is one partial derivative ∂^α f of a function at a set of points, named by its monomial α = (α_1, ..., α_d), the exponents of the
variables. A set of monomials that is closed under division (with α it contains all β ≤ α) is closed under the rules of Leibniz and of Faà di Bruno:

    ∂^k (a b) = Σ_{i + j = k} C(k, i) ∂^i a ∂^j b,        ∂^k s(z) = Σ_m s^(m)(z) B_{k,m}(∂z),

with the partial Bell polynomials B (Constantine & Savits 1996, "A multivariate Faà di Bruno formula", Trans. AMS 348). Where second derivatives
enter only through a Laplacian, one stream L = Σ_i ∂_ii stands for all of them (Li et al. 2023, "Forward Laplacian", arXiv:2307.08214):

    L(a b) = a L b + 2 Σ_i ∂_i a ∂_i b + b L a,        L s(z) = s'(z) L z + s''(z) Σ_i (∂_i z)².

The rules are kept as tables. What evaluates them does arithmetic alone, so that it runs on tensors and also writes machine code.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import product as grid
from math import comb, prod
from typing import Any

from pinnscape.networks.arithmetic import named, power, running, scaled, total

Monomial = tuple[int, ...]
Factors = tuple[int, int, float]  # of a product of two functions: their streams i and j, and a coefficient
Powers = tuple[tuple[float, tuple[int, ...]], ...]  # a polynomial: coefficients and the streams that are multiplied


def degree(monomial: Monomial) -> int:
    """The order of the derivative."""
    return sum(monomial)


def divisors(monomial: Monomial) -> list[Monomial]:
    """All β ≤ α."""
    return list(grid(*(range(exponent + 1) for exponent in monomial)))


def times(a: Monomial, b: Monomial) -> Monomial:
    """The product of two monomials: ∂^a ∂^b."""
    return tuple(i + j for i, j in zip(a, b, strict=True))


def variables(monomial: Monomial) -> tuple[int, ...]:
    """The variables of a derivative one after the other, each as often as it occurs: (0, 0, 1) for u_xxy."""
    return tuple(i for i, exponent in enumerate(monomial) for _ in range(exponent))


def unit(dimension: int, *among: int) -> Monomial:
    """The monomial of the derivative by these variables."""
    return tuple(among.count(i) for i in range(dimension))


@dataclass(frozen=True)
class Streams:
    """An ordered set of streams: the value, first derivatives, second ones, ..., and a Laplacian at the end if there is one.

    Attributes:
        monomials: closed under division, in the order of ``closure``.
        laplacian: variables i over which the last stream Σ ∂_ii is summed; empty where there is no such stream.
    """

    monomials: tuple[Monomial, ...]
    laplacian: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        """Check that the set is closed.

        Raises:
            ValueError: a divisor is missing.
        """
        closed = Streams.closure(self.monomials, self.laplacian, check=False)
        if set(closed) != set(self.monomials):
            missing = sorted(set(closed) - set(self.monomials))
            raise ValueError(f"`monomials` must contain all divisors of each; {missing} are missing")

    @classmethod
    def of(cls, needed: Iterable[Monomial], laplacian: Iterable[int] = ()) -> "Streams":
        """The smallest set that contains all of these derivatives.

        Args:
            needed: monomials, at least one.
            laplacian: variables of the Laplacian, if that is needed.
        """
        return cls(cls.closure(needed, laplacian), tuple(sorted(laplacian)))

    @staticmethod
    def closure(needed: Iterable[Monomial], laplacian: Iterable[int] = (), check: bool = True) -> tuple[Monomial, ...]:
        """All divisors of the monomials, by degree and then by variables: 1, x, y, xx, xy, yy, ...

        Raises:
            ValueError: there is no monomial, or they belong to different dimensions.
        """
        needed = list(needed)
        if check and len({len(monomial) for monomial in needed}) != 1:
            raise ValueError(f"`needed` must be monomials in the same variables, at least one, not {needed}")
        found = {divisor for monomial in needed for divisor in divisors(monomial)}
        found |= {divisor for i in laplacian for divisor in divisors(unit(len(needed[0]), i))}
        return tuple(sorted(found, key=lambda monomial: (degree(monomial), variables(monomial))))

    @property
    def dimension(self) -> int:
        """Number of variables d."""
        return len(self.monomials[0])

    @property
    def count(self) -> int:
        """Number of streams S."""
        return len(self.monomials) + bool(self.laplacian)

    @property
    def order(self) -> int:
        """The highest order of the derivatives."""
        return max(degree(self.monomials[-1]), 2 * bool(self.laplacian))

    @cached_property
    def position(self) -> dict[Monomial, int]:
        """The index of each monomial's stream."""
        return {monomial: k for k, monomial in enumerate(self.monomials)}

    def includes(self, other: "Streams") -> bool:
        """Whether the streams of another set can be read off these: a Laplacian also as a sum of second derivatives."""
        missing = set(other.monomials) - set(self.monomials)
        return not missing and (
            not other.laplacian or other.laplacian == self.laplacian or bool(self.summands(other.laplacian))
        )

    def summands(self, laplacian: Sequence[int]) -> tuple[int, ...]:
        """The streams of the second derivatives that add up to a Laplacian; empty where some of them are missing."""
        squares = [unit(self.dimension, i, i) for i in laplacian]
        return tuple(self.position[m] for m in squares) if all(m in self.position for m in squares) else ()

    @staticmethod
    def union(sets: Sequence["Streams"]) -> "Streams":
        """The smallest set that includes all of these, which have no two different Laplacians unless all second derivatives of one are there."""
        needed = [monomial for streams in sets for monomial in streams.monomials]
        merged = Streams.of(needed)
        open_ones = {streams.laplacian for streams in sets if streams.laplacian and not merged.summands(streams.laplacian)}
        if len(open_ones) > 1:
            needed += [unit(merged.dimension, i, i) for laplacian in open_ones for i in laplacian]
            return Streams.of(needed)
        return Streams.of(needed, next(iter(open_ones), ()))

    @cached_property
    def products(self) -> tuple[tuple[Factors, ...], ...]:
        """For each stream of a product a · b: streams i of a and j of b with their coefficients, (k, 0) first and (0, k) last.

        A coefficient of two is two entries, which are as cheap as a product with 2 and one addition less to round.
        """
        table = [self._leibniz(k, monomial) for k, monomial in enumerate(self.monomials)]
        if self.laplacian:
            first = [self.position[unit(self.dimension, i)] for i in self.laplacian]
            last = self.count - 1
            table.append(((last, 0, 1.0), *((i, i, 2.0) for i in first), (0, last, 1.0)))
        return tuple(table)

    def _leibniz(self, k: int, monomial: Monomial) -> tuple[Factors, ...]:
        if k == 0:
            return ((0, 0, 1.0),)
        pairs: list[Factors] = [(k, 0, 1.0)]
        for i in divisors(monomial)[1:-1]:
            rest = tuple(a - b for a, b in zip(monomial, i, strict=True))
            often = prod(comb(a, b) for a, b in zip(monomial, i, strict=True))
            pair = self.position[i], self.position[rest]
            pairs += [(*pair, 1.0)] * 2 if often == 2 else [(*pair, float(often))]
        return (*sorted(pairs[:1]), *sorted(pairs[1:]), (0, k, 1.0))

    @cached_property
    def compositions(self) -> tuple[tuple[Powers, ...], ...]:
        """For each stream of s(z) but the first, the polynomials B_{k,1}, B_{k,2}, ... in the streams of z that multiply s', s'', ..."""
        table = [self._bell(monomial) for monomial in self.monomials]
        if self.laplacian:
            first = [self.position[unit(self.dimension, i)] for i in self.laplacian]
            table.append((((1.0, (self.count - 1,)),), tuple((1.0, (i, i)) for i in first)))
        return tuple(table)

    def _bell(self, monomial: Monomial) -> tuple[Powers, ...]:
        found: list[list[tuple[float, tuple[int, ...]]]] = [[] for _ in range(degree(monomial))]
        for blocks, coefficient in _partitions(monomial).items():
            if blocks:
                found[len(blocks) - 1].append((float(coefficient), tuple(sorted(self.position[block] for block in blocks))))
        return tuple(tuple(sorted(terms, key=lambda term: term[1])) for terms in found)

    def product(self, a: Sequence[Any], b: Sequence[Any]) -> list[Any]:
        """Streams of a · b."""
        return [total(a[i] * scaled(b[j], factor) for i, j, factor in pairs) for pairs in self.products]

    def product_back(self, b: Sequence[Any], adjoint: Sequence[Any]) -> list[Any]:
        """Adjoints of the streams of a, from those of the streams of a · b."""
        shares: list[list[Any]] = [[] for _ in range(self.count)]
        for pairs, o in zip(self.products, adjoint, strict=True):
            for i, j, factor in pairs:
                shares[i].append(o * scaled(b[j], factor))
        return [running(first, rest) for first, *rest in shares]

    def compose(self, s: Sequence[Any], z: Sequence[Any]) -> list[Any]:
        """Streams of s(z).

        Args:
            s: s(z), s'(z), ..., as many derivatives as ``order``.
            z: streams.
        """
        return [s[0], *(self._composed(s, z, k, 0) for k in range(1, self.count))]

    def compose_back(self, s: Sequence[Any], z: Sequence[Any], adjoint: Sequence[Any], zero: Any) -> list[Any]:
        """Adjoints of the streams of z, from those of the streams of s(z).

        With w = s'(z), whose streams are those of s(z) with each derivative of s replaced by the next, the derivative of s(z) in z is a product
        with w, of which this is the transpose.

        Args:
            s: s(z), of which nothing is used, s'(z), ..., one derivative more than ``order``.
            z: streams.
            adjoint: of the streams of s(z).
            zero: from which sums start.
        """
        shares = [[s[1] * o] for o in adjoint]
        for k, pairs in enumerate(self.products):
            bent = named(s[2] * adjoint[k]) if len(pairs) > 2 else None
            for i, j, factor in pairs[1:-1]:
                first = j < len(self.monomials) and degree(self.monomials[j]) == 1
                w = z[j] if first else named(self._composed(s, z, j, 1))
                shares[i].append(scaled(bent if first else adjoint[k], factor) * w)
        for m in range(self.order, 0, -1):
            powers = [(k, self.compositions[k][m - 1]) for k in range(1, self.count) if m <= len(self.compositions[k])]
            shares[0].append(s[m + 1] * running(zero, (adjoint[k] * _polynomial(z, terms, zero) for k, terms in powers)))
        return [running(first, rest) for first, *rest in shares]

    def _composed(self, s: Sequence[Any], z: Sequence[Any], k: int, shift: int) -> Any:
        """Stream k > 0 of s^(shift)(z)."""
        return total(s[m + shift] * _polynomial(z, terms) for m, terms in enumerate(self.compositions[k], start=1))


@cache
def _partitions(monomial: Monomial) -> Counter[tuple[Monomial, ...]]:
    """Products of derivatives of z in ∂^α s(z), those of m factors with s^(m), and how often each occurs."""
    if degree(monomial) == 0:
        return Counter({(): 1})
    i = next(i for i, exponent in enumerate(monomial) if exponent)
    one = unit(len(monomial), i)
    below = tuple(a - b for a, b in zip(monomial, one, strict=True))
    found: Counter[tuple[Monomial, ...]] = Counter()
    for blocks, coefficient in _partitions(below).items():
        found[tuple(sorted((*blocks, one)))] += coefficient
        for k, block in enumerate(blocks):
            found[tuple(sorted((*blocks[:k], times(block, one), *blocks[k + 1 :])))] += coefficient
    return found


def _polynomial(z: Sequence[Any], terms: Powers, zero: Any = None) -> Any:
    """Σ coefficient · Π z; from ``zero`` on, if given, unless it is a single stream."""
    if len(terms[0][1]) == 1:
        return z[terms[0][1][0]]
    summands = [scaled(power(z[i] for i in among), coefficient) for coefficient, among in terms]
    return running(summands[0], summands[1:]) if zero is None else running(zero, summands)
