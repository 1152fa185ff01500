"""Activation functions with derivatives of any order, by recursions.

The recursions consist of arithmetic and the functions of ``Elementary`` only, so that the same Python code evaluates them for
tensors and generates native code.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import comb, inf, pi, sqrt
from typing import Any, Protocol

import torch
from torch import Tensor

from pinnscape.networks.arithmetic import named, power, scaled, total


class Elementary(Protocol):
    """The elementary functions of activations, each of one argument z.

    ``normal`` is the cumulative distribution function of the standard normal distribution, ``step`` is 1 for positive arguments
    and otherwise 0, and ``zero`` is 0.
    """

    def tanh(self, z: Any) -> Any: ...
    def sin(self, z: Any) -> Any: ...
    def cos(self, z: Any) -> Any: ...
    def exp(self, z: Any) -> Any: ...
    def sigmoid(self, z: Any) -> Any: ...
    def softplus(self, z: Any) -> Any: ...
    def normal(self, z: Any) -> Any: ...
    def relu(self, z: Any) -> Any: ...
    def step(self, z: Any) -> Any: ...
    def zero(self, z: Any) -> Any: ...


Derivatives = Callable[[Any, int, Any], list[Any]]


@dataclass(frozen=True)
class Activation:
    """An activation function s.

    Attributes:
        derivatives: function of z, an order n and ``Elementary`` functions that returns s(z), s'(z), ..., s^(n)(z).
        exist: highest order of derivatives that are ordinary functions. The next derivative of relu contains a delta
            distribution, which is missed by pointwise values.
        odd: whether s(-z) = -s(z).
    """

    derivatives: Derivatives
    exist: float = inf
    odd: bool = False


def _tanh(z: Any, count: int, f: Elementary) -> list[Any]:
    """Derivatives of tanh: s' = 1 - s², and s^(n+1) = -Σ_k C(n, k) s^(k) s^(n-k) for n > 0.

    The terms k and n - k are equal and computed once; the sum starts in the middle.
    """
    s = [named(f.tanh(z))]
    if count > 0:
        s.append(named(1.0 - s[0] * s[0]))
    for n in range(1, count):
        summands = [scaled(s[k] * s[n - k], comb(n, k) * (0.5 if 2 * k == n else 1.0)) for k in range(n // 2, -1, -1)]
        s.append(named(-2.0 * total(summands)))
    return s[: count + 1]


def _sin(z: Any, count: int, f: Elementary) -> list[Any]:
    s = [named(f.sin(z)), named(f.cos(z))][: count + 1]
    while len(s) <= count:
        s.append(-s[-2])
    return s


def _cos(z: Any, count: int, f: Elementary) -> list[Any]:
    s = [named(f.cos(z)), named(-f.sin(z))][: count + 1]
    while len(s) <= count:
        s.append(-s[-2])
    return s


@dataclass(frozen=True)
class _Logistic:
    """Derivatives of the logistic function g: the product of slope = g (1 - g) and a polynomial in odd = 1 - 2g and slope."""

    g: Any
    odd: Any
    slope: Any

    @classmethod
    def of(cls, z: Any, f: Elementary) -> "_Logistic":
        g = named(f.sigmoid(z))
        return cls(g, named(1.0 - 2.0 * g), named(g * (1.0 - g)))

    def over_slope(self, n: int) -> Any:
        """The polynomial g^(n) / slope for n > 0; the number 1 for n = 1."""
        powers: dict[tuple[int, int], int] = {(0, 0): 1}
        for _ in range(1, n):
            powers = _next(powers)
        return total(scaled(power([self.odd] * a + [self.slope] * b), k) for (a, b), k in sorted(powers.items(), reverse=True))


def _next(powers: dict[tuple[int, int], int]) -> dict[tuple[int, int], int]:
    """Coefficients of odd^a · slope^b, by (a, b), in the polynomial of the next derivative.

    They follow from odd' = -2 slope and slope' = slope · odd.
    """
    found: dict[tuple[int, int], int] = {}
    for (a, b), coefficient in powers.items():
        for key, value in (((a + 1, b), coefficient * (b + 1)), ((a - 1, b + 1), -2 * a * coefficient)):
            if value:
                found[key] = found.get(key, 0) + value
    return found


def _swish(z: Any, count: int, f: Elementary) -> list[Any]:
    """The product s = z g with the logistic function g; its derivatives are s^(n) = z g^(n) + n g^(n-1)."""
    logistic = _Logistic.of(z, f)
    s = [z * logistic.g]
    if count > 0:
        s.append(logistic.g + z * logistic.slope)
    for n in range(2, count + 1):
        s.append(logistic.slope * (float(n) * logistic.over_slope(n - 1) + z * logistic.over_slope(n)))
    return s


def _softplus(z: Any, count: int, f: Elementary) -> list[Any]:
    """The integral s = log(1 + exp z) of the logistic function."""
    s = [f.softplus(z)]
    logistic = _Logistic.of(z, f) if count > 0 else None
    for n in range(1, count + 1):
        assert logistic is not None
        s.append(logistic.g if n == 1 else logistic.slope if n == 2 else logistic.slope * logistic.over_slope(n - 1))
    return s


def _gelu(z: Any, count: int, f: Elementary) -> list[Any]:
    """The product s = z Φ(z) with the normal distribution function Φ (Hendrycks & Gimpel 2016).

    Derivatives of the density φ = Φ' follow from φ^(n+1) = -(z φ^(n) + n φ^(n-1)).
    """
    normal = [named(f.normal(z))]
    if count > 0:
        normal.append(named(f.exp(-0.5 * (z * z)) * (1.0 / sqrt(2.0 * pi))))
    while len(normal) <= count:
        n = len(normal) - 2
        normal.append(named(-(z * normal[-1]) if n == 0 else -(z * normal[-1] + float(n) * normal[-2])))
    return [z * normal[0], *(z * normal[n] + float(n) * normal[n - 1] for n in range(1, count + 1))]


def _relu(z: Any, count: int, f: Elementary) -> list[Any]:
    return [f.relu(z), f.step(z), *(f.zero(z) for _ in range(count - 1))][: count + 1]


def _relu3(z: Any, count: int, f: Elementary) -> list[Any]:
    """The cube of relu, s = max(0, z)³ (E & Yu 2018)."""
    r = named(f.relu(z))
    known = [(r * r) * r, 3.0 * (r * r), 6.0 * r, 6.0 * f.step(z)]
    return [*known, *(f.zero(z) for _ in range(count - 3))][: count + 1]


ACTIVATIONS: dict[str, Activation] = {
    "tanh": Activation(_tanh, odd=True),
    "sin": Activation(_sin, odd=True),
    "swish": Activation(_swish),
    "softplus": Activation(_softplus),
    "relu": Activation(_relu, 1),
    "relu3": Activation(_relu3, 3),
    "gelu": Activation(_gelu),
}
COSINE = Activation(_cos)  # used by embeddings


class OnTensors:
    """``Elementary`` functions of tensors."""

    tanh = staticmethod(torch.tanh)
    sin = staticmethod(torch.sin)
    cos = staticmethod(torch.cos)
    exp = staticmethod(torch.exp)
    sigmoid = staticmethod(torch.sigmoid)
    relu = staticmethod(torch.relu)
    zero = staticmethod(torch.zeros_like)

    @staticmethod
    def softplus(z: Tensor) -> Tensor:
        # Unlike torch's softplus, this does not switch to the identity above a threshold; unlike with logaddexp, second
        # derivatives are finite.
        return -torch.nn.functional.logsigmoid(-z)

    @staticmethod
    def normal(z: Tensor) -> Tensor:
        return 0.5 * torch.special.erfc(-sqrt(0.5) * z)

    @staticmethod
    def step(z: Tensor) -> Tensor:
        return (z > 0.0).to(z.dtype)


def derivatives(name: str, z: Tensor, count: int) -> list[Tensor]:
    """The values s(z), s'(z), ..., s^(n)(z) of an activation function and its derivatives, each of the shape of z.

    Args:
        name: name of the activation in ``ACTIVATIONS``.
        z: tensor of any shape.
        count: highest order n of the derivatives.
    """
    return ACTIVATIONS[name].derivatives(z, count, OnTensors)
