"""Losses, gradients and products with Hessians and Gauss-Newton parts of a discretised problem as machine code (losses.hpp), for numpy arrays in float64."""

import ctypes
import math
from collections.abc import Callable

import numpy as np

from pinnscape.common.formulations import FORMULATIONS
from pinnscape.networks.jets import Jet, pairs

_BLOCK = 4  # vectors of points that the code takes at a time, at most
_NUMBERS = {name: number for number, name in enumerate(FORMULATIONS)}  # of the losses in the code
Array = np.ndarray


class Kernels:
    """The code of one problem and network with the data of one quadrature.

    Args:
        library: loaded.
        size: number of parameters P.
        dimension: d.
        fields: data of each point (n, fields), as ``point_data`` gives them.
    """

    def __init__(self, library: ctypes.CDLL, size: int, dimension: int, fields: Array) -> None:
        self._library, self._size = library, size
        lanes = library.lanes()
        count = -(-len(fields) // (lanes * _BLOCK)) * _BLOCK
        # The last point again and again, without weight.
        padded = np.concatenate([fields, np.repeat(fields[-1:], count * lanes - len(fields), 0)])
        padded[len(fields) :, dimension] = 0.0
        rows = padded.reshape(count, lanes, -1).transpose(0, 2, 1)
        self._points, self._vectors = _aligned(rows), ctypes.c_long(count)

    def measure(self, thetas: Array) -> Array:
        """Energy, squared residual, misfit, misfit of the gradient, and 1 where the energy does not exist: (m, 5) at parameters (m, P)."""
        thetas, results = self._checked(thetas), np.empty((len(thetas), 5))
        self._library.measure_all(_at(thetas), ctypes.c_long(len(thetas)), _at(self._points), self._vectors, _at(results))
        return results

    def loss(self, formulation: str, thetas: Array) -> Array:
        """One loss (m,) at parameters (m, P)."""
        thetas, results = self._checked(thetas), np.empty(len(thetas))
        which, count = _NUMBERS[formulation], ctypes.c_long(len(thetas))
        self._library.loss(which, _at(thetas), count, _at(self._points), self._vectors, _at(results))
        return results

    def gradients(self, formulation: str, thetas: Array) -> tuple[Array, Array]:
        """Loss (m,) and gradient (m, P) at parameters (m, P)."""
        thetas, losses = self._checked(thetas), np.empty(len(thetas))
        results, which, count = _empty(thetas.shape), _NUMBERS[formulation], ctypes.c_long(len(thetas))
        self._library.gradients(which, _at(thetas), count, _at(self._points), self._vectors, _at(losses), _at(results))
        return losses, results

    def products(self, formulation: str, theta: Array, vectors: Array) -> Array:
        """Hessian at theta (P,) times each of the vectors (k, P)."""
        return self._products(self._library.products, formulation, theta, vectors)

    def gauss_newton(self, formulation: str, theta: Array, vectors: Array) -> Array:
        """Gauss-Newton part of the Hessian at theta (P,) times each of the vectors (k, P)."""
        return self._products(self._library.gauss_newton, formulation, theta, vectors)

    def _products(self, function: Callable[..., None], formulation: str, theta: Array, vectors: Array) -> Array:
        (theta,), vectors = self._checked(theta[None]), self._checked(vectors)
        results, which = _empty(vectors.shape), _NUMBERS[formulation]
        count = ctypes.c_long(len(vectors))
        function(which, _at(theta), _at(vectors), count, _at(self._points), self._vectors, _at(results))
        return results

    def _checked(self, rows: Array) -> Array:
        """Rows as the code reads them.

        Raises:
            ValueError: they do not have P entries: the code would read beyond their end.
        """
        if rows.ndim != 2 or rows.shape[1] != self._size:
            raise ValueError(f"parameters must be (m, {self._size}), not {rows.shape}")
        return np.ascontiguousarray(rows, dtype=np.float64)


def load(path: str) -> ctypes.CDLL:
    """The functions of a compiled file."""
    library = ctypes.CDLL(path)
    library.lanes.restype = ctypes.c_long
    for name in ("measure_all", "loss", "gradients", "products", "gauss_newton"):
        getattr(library, name).restype = None
    return library


def point_data(points: Array, weights: Array, factor: Jet, lift: Jet, load: Array, exact: Jet) -> Array:
    """What the code needs at each point (n, fields), in the order of losses.hpp.

    Args:
        points: (n, d).
        weights: (n,).
        factor: jet of the scalar that multiplies the network, with all derivatives.
        lift: jet of what is added, with all derivatives.
        load: (n, c).
        exact: jet of the exact solution.
    """
    columns = [points, weights[:, None], *_columns(factor), *_columns(lift), load]
    columns += [np.concatenate([value, slope], 1) for value, slope in _components(exact)]
    return np.concatenate(columns, 1)


def _components(jet: Jet) -> list[tuple[Array, Array]]:
    value, slope = jet.value.cpu().numpy(), jet.gradient.cpu().numpy()
    return [(value[:, c : c + 1], slope[:, c]) for c in range(value.shape[1])]


def _columns(jet: Jet) -> list[Array]:
    """Value, gradient and second derivatives of each component."""
    hessian = jet.hessian.cpu().numpy()
    upper = [hessian[..., i, j] for i, j in pairs(hessian.shape[-1])]
    columns: list[Array] = []
    for c, (value, slope) in enumerate(_components(jet)):
        columns += [value, slope, np.stack([entries[:, c] for entries in upper], 1)]
    return columns


def _aligned(array: Array) -> Array:
    """A copy that starts at a multiple of 64 bytes, as vectors of the machine must."""
    found = _empty(array.shape)
    found[:] = array
    return found


def _empty(shape: tuple[int, ...]) -> Array:
    """An array that starts at a multiple of 64 bytes, as those of torch do: the rounding of sums over it may depend on where it starts."""
    size = math.prod(shape)
    memory = np.empty(size + 8)
    start = -memory.ctypes.data % 64 // 8
    return memory[start : start + size].reshape(shape)


def _at(array: Array) -> ctypes.c_void_p:
    return ctypes.c_void_p(array.ctypes.data)
