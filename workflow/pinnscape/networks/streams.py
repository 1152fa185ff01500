"""Sets of partial derivatives that are propagated together, and the rules for derivatives of products and compositions.

A *stream* holds one partial derivative ∂^α f of a function f at a set of points. The derivative is identified by its monomial
α = (α_1, ..., α_d), the orders of the derivative in the d variables. A set of monomials that contains with α all β ≤ α (its
divisors) is closed under the product rule of Leibniz and the chain rule of Faà di Bruno:

    ∂^k (a b) = Σ_{i + j = k} C(k, i) ∂^i a ∂^j b,        ∂^k s(z) = Σ_m s^(m)(z) B_{k,m}(∂z),

with the partial Bell polynomials B (Constantine & Savits 1996, "A multivariate Faà di Bruno formula", Trans. AMS 348). If
second derivatives are needed only in a Laplacian, a single stream L = Σ_i ∂_ii replaces them (Li et al. 2023, "Forward
Laplacian", arXiv:2307.08214):

    L(a b) = a L b + 2 Σ_i ∂_i a ∂_i b + b L a,        L s(z) = s'(z) L z + s''(z) Σ_i (∂_i z)².

The rules are stored as tables. Evaluating them takes only arithmetic, so that the same Python code evaluates them for tensors
and generates native code.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import product as grid
from math import comb, prod
from typing import Any

from pinnscape.networks.arithmetic import named, power, running, scaled, total

Monomial = tuple[int, ...]  # orders of a partial derivative in the variables
Factors = tuple[int, int, float]  # summand of the product rule: streams i and j of the two factors, and a coefficient
Powers = tuple[tuple[float, tuple[int, ...]], ...]  # polynomial: coefficient of each summand, and the streams it multiplies


def degree(monomial: Monomial) -> int:
    """The total order of the derivative."""
    return sum(monomial)


def divisors(monomial: Monomial) -> list[Monomial]:
    """All monomials β ≤ α of a monomial α."""
    return list(grid(*(range(exponent + 1) for exponent in monomial)))


def times(a: Monomial, b: Monomial) -> Monomial:
    """The product of two monomials, which stands for the derivative ∂^a ∂^b."""
    return tuple(i + j for i, j in zip(a, b, strict=True))


def variables(monomial: Monomial) -> tuple[int, ...]:
    """The variables of a derivative, repeated according to their orders: (0, 0, 1) for u_xxy."""
    return tuple(i for i, exponent in enumerate(monomial) for _ in range(exponent))


def unit(dimension: int, *among: int) -> Monomial:
    """The monomial of the derivative in the given variables: (2, 1) for the variables 0, 0, 1 in two dimensions."""
    return tuple(among.count(i) for i in range(dimension))


@dataclass(frozen=True)
class Streams:
    """An ordered set of streams: the value, first derivatives, second derivatives, ..., and possibly a Laplacian at the end.

    Attributes:
        monomials: the partial derivatives, with all their divisors, in the order of ``closure``.
        laplacian: the variables i in the Laplacian Σ ∂_ii, which is the last stream; empty without Laplacian.
    """

    monomials: tuple[Monomial, ...]
    laplacian: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        """Check that the set contains all divisors of its monomials.

        Raises:
            ValueError: a divisor is missing.
        """
        closed = Streams.closure(self.monomials, self.laplacian, check=False)
        if set(closed) != set(self.monomials):
            missing = sorted(set(closed) - set(self.monomials))
            raise ValueError(f"`monomials` must contain all divisors of each; {missing} are missing")

    @classmethod
    def of(cls, needed: Iterable[Monomial], laplacian: Iterable[int] = ()) -> "Streams":
        """The smallest set of streams that contains the given derivatives.

        Args:
            needed: monomials, at least one.
            laplacian: variables of the Laplacian, if one is needed.
        """
        return cls(cls.closure(needed, laplacian), tuple(sorted(laplacian)))

    @staticmethod
    def closure(needed: Iterable[Monomial], laplacian: Iterable[int] = (), check: bool = True) -> tuple[Monomial, ...]:
        """All divisors of the given monomials, ordered by degree and then by variables: 1, x, y, xx, xy, yy, ...

        The first derivatives that a Laplacian requires are included.

        Args:
            needed: monomials, at least one.
            laplacian: variables of the Laplacian, if one is needed.
            check: whether to check the monomials.

        Raises:
            ValueError: there is no monomial, or the monomials have different numbers of variables.
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
        """The index of the stream of each monomial."""
        return {monomial: k for k, monomial in enumerate(self.monomials)}

    def includes(self, other: "Streams") -> bool:
        """Whether these streams determine those of another set, where second derivatives may be summed to a Laplacian."""
        missing = set(other.monomials) - set(self.monomials)
        return not missing and (
            not other.laplacian or other.laplacian == self.laplacian or bool(self.summands(other.laplacian))
        )

    def summands(self, laplacian: Sequence[int]) -> tuple[int, ...]:
        """Indices of the second derivatives that sum to the Laplacian in these variables; empty if any of them is missing."""
        squares = [unit(self.dimension, i, i) for i in laplacian]
        return tuple(self.position[m] for m in squares) if all(m in self.position for m in squares) else ()

    @staticmethod
    def union(sets: Sequence["Streams"]) -> "Streams":
        """The smallest set that includes all of the given sets.

        A Laplacian is kept as a stream unless its second derivatives are streams of their own. If several different Laplacians
        remain, all of them are replaced by their second derivatives, because a set can have only one.
        """
        needed = [monomial for streams in sets for monomial in streams.monomials]
        merged = Streams.of(needed)
        open_ones = {streams.laplacian for streams in sets if streams.laplacian and not merged.summands(streams.laplacian)}
        if len(open_ones) > 1:
            needed += [unit(merged.dimension, i, i) for laplacian in open_ones for i in laplacian]
            return Streams.of(needed)
        return Streams.of(needed, next(iter(open_ones), ()))

    @cached_property
    def products(self) -> tuple[tuple[Factors, ...], ...]:
        """The product rule: for each stream k of a product a · b, the streams i of a and j of b with their coefficients.

        The pair (k, 0) is first and (0, k) is last. A coefficient of 2 is stored as two entries with coefficient 1; the
        additional addition costs no more than a multiplication by 2.
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
        """The chain rule: for each stream k of s(z), the polynomials B_{k,1}, B_{k,2}, ... that multiply s'(z), s''(z), ...

        They are polynomials in the streams of z. There are none for the value, k = 0.
        """
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
        """Streams of the product a · b, from the streams of a and b."""
        return [total(a[i] * scaled(b[j], factor) for i, j, factor in pairs) for pairs in self.products]

    def product_back(self, b: Sequence[Any], adjoint: Sequence[Any]) -> list[Any]:
        """Adjoints of the streams of a, from the streams of b and the adjoints of the streams of a · b."""
        shares: list[list[Any]] = [[] for _ in range(self.count)]
        for pairs, o in zip(self.products, adjoint, strict=True):
            for i, j, factor in pairs:
                shares[i].append(o * scaled(b[j], factor))
        return [running(first, rest) for first, *rest in shares]

    def compose(self, s: Sequence[Any], z: Sequence[Any]) -> list[Any]:
        """Streams of the composition s(z).

        Args:
            s: s(z), s'(z), ..., up to the derivative of order ``order``.
            z: streams of z.
        """
        return [s[0], *(self._composed(s, z, k, 0) for k in range(1, self.count))]

    def compose_back(self, s: Sequence[Any], z: Sequence[Any], adjoint: Sequence[Any], zero: Any) -> list[Any]:
        """Adjoints of the streams of z, from the adjoints of the streams of s(z).

        The differential of s(z) in z is the product with w = s'(z), and the adjoints of z are the transpose of this product
        applied to the adjoints of s(z). The streams of w are those of s(z) with each derivative of s replaced by the next.

        Args:
            s: s(z), s'(z), ..., up to the derivative of order ``order + 1``; s(z) itself is not used.
            z: streams of z.
            adjoint: adjoints of the streams of s(z).
            zero: initial value of sums.
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
    """The products of derivatives of z in ∂^α s(z) with their coefficients; a product of m factors is multiplied by s^(m)."""
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
    """The polynomial Σ coefficient · Π z_i; unless it is a single stream, the sum starts from ``zero`` if that is given."""
    if len(terms[0][1]) == 1:
        return z[terms[0][1][0]]
    summands = [scaled(power(z[i] for i in among), coefficient) for coefficient, among in terms]
    return running(summands[0], summands[1:]) if zero is None else running(zero, summands)
