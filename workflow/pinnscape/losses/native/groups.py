"""Evaluation of the terms on one point set by native code: values, gradients, and Hessian and Gauss-Newton products."""

import copy
import ctypes
import logging
import math
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from pinnscape.files.kept import made
from pinnscape.losses.evaluation import CHECKED_POINTS
from pinnscape.losses.formulas import ON_ARRAYS
from pinnscape.losses.group import TorchGroup
from pinnscape.losses.native.agreement import agree
from pinnscape.losses.native.algebra import Key, monomial
from pinnscape.losses.native.algebra import key as key_of
from pinnscape.losses.native.build import Compiler
from pinnscape.losses.native.printing import NotCompilable
from pinnscape.losses.native.source import Plan, Source
from pinnscape.networks.embeddings import embedded
from pinnscape.networks.forward import function_streams
from pinnscape.networks.streams import Streams, unit
from pinnscape.problems.field import Unknowns
from pinnscape.problems.points import PointSet

log = logging.getLogger(__name__)
_BLOCK = 4  # maximum number of vectors of points that the code processes at a time; their number is padded to a multiple
Array = np.ndarray


def native(group: TorchGroup, compiler: Compiler) -> "NativeGroup | None":
    """Native code of a group of terms.

    Returns:
        The group in native code; None, with a warning in the log, if a term cannot be derived symbolically or compiled.

    Raises:
        ProblemError: the results of newly compiled code differ from those of torch.
        StorageError: the disk is full.
        MemoryError: the compiler was killed.
    """
    if len(group.derived) < len(group.terms):
        return None  # the log already has a warning about the derivation
    names = ", ".join(group.terms)
    hard = group.solution.factors, group.solution.ansatz.lift is not None
    found = made(group.kept, f"native {names} {group.symbols} {group.solution.network} {hard}", lambda: _planned(group))
    if "reason" in found:
        log.warning("the terms %s are not compiled (%s): they run slower", names, found["reason"])
        return None
    plan = Plan.from_json(found)

    def check(fresh: ctypes.CDLL) -> None:
        points = group.points
        rows = {name: column[:CHECKED_POINTS] for name, column in points.data.items()}
        few = PointSet(points.points[:, :CHECKED_POINTS], points.weights[:CHECKED_POINTS], rows)
        part = group.moved(few)
        agree(NativeGroup(fresh, plan, part), part.as_written())

    compiled = compiler.library(plan.code, names, check)
    return None if compiled is None else NativeGroup(compiled, plan, group)


def _planned(group: TorchGroup) -> dict[str, Any]:
    """The plan of a group, or the ``reason`` why there is none."""
    try:
        return source_of(group).plan().to_json()
    except NotCompilable as error:
        return {"reason": " ".join(str(error).split())[:200]}


def source_of(group: TorchGroup) -> Source:
    """The generator of the code of a group.

    Raises:
        NotDerivable: a term cannot be derived symbolically.
    """
    derived = {name: group.expressions(name) for name in group.terms}
    kinds: dict[str, Literal["energy", "squared"]] = {name: term.kind for name, term in group.terms.items()}
    solution = group.solution
    return Source(solution.network, derived, kinds, solution.factors, solution.ansatz.lift is not None)


class NativeGroup:
    """Terms that share a point set, evaluated by native code.

    Args:
        library: the loaded code.
        plan: layout of the data that the code reads.
        group: the same terms in torch, with their points.
    """

    def __init__(self, library: ctypes.CDLL, plan: Plan, group: TorchGroup) -> None:
        self._library, self._plan = library, plan
        self._size, self._position = group.solution.network.size, {name: k for k, name in enumerate(group.terms)}
        self._place(group)

    def _place(self, group: TorchGroup) -> None:
        """Arrange the data of the points and the parameters of the problem as the code reads them."""
        lanes, fields = self._library.lanes(), point_fields(group, self._plan)
        count = -(-len(fields) // (lanes * _BLOCK)) * _BLOCK
        # The number of points is padded by copies of the last point with weight zero.
        padded = np.concatenate([fields, np.repeat(fields[-1:], count * lanes - len(fields), 0)])
        padded[len(fields) :, :, self._plan.fields["WEIGHT"]] = 0.0
        rows = padded.reshape(count, lanes, *fields.shape[1:]).transpose(0, 2, 3, 1)
        self._kept = _aligned(rows), np.array([*group.solution.parameters.values(), 0.0])
        self._data = _at(self._kept[0]), ctypes.c_long(count), _at(self._kept[1])

    def moved(self, group: TorchGroup) -> "NativeGroup":
        """A copy for the same terms at other points or with other parameters of the problem, given as a torch group."""
        other = copy.copy(self)
        other._place(group)
        return other

    def measure(self, theta: Tensor) -> tuple[dict[str, Tensor], Tensor]:
        """All terms at parameters (..., P), from one forward pass.

        Returns:
            The terms (...) by name, without their weights; and whether all terms exist, bool (...).
        """
        thetas = self._rows(theta)
        results = np.empty((len(thetas), len(self._position) + 1))
        self._library.measure(_at(thetas), ctypes.c_long(len(thetas)), *self._data, _at(results))
        columns = torch.from_numpy(results).reshape(*theta.shape[:-1], -1).unbind(-1)
        return dict(zip(self._position, columns, strict=False)), columns[-1] == 0.0

    def loss(self, name: str, theta: Tensor) -> Tensor:
        """A term (...) at parameters (..., P), without the weight of the term."""
        thetas = self._rows(theta)
        results = np.empty(len(thetas))
        self._library.loss(self._position[name], _at(thetas), ctypes.c_long(len(thetas)), *self._data, _at(results))
        return torch.from_numpy(results).reshape(theta.shape[:-1])

    def gradients(self, name: str, theta: Tensor) -> tuple[Tensor, Tensor]:
        """A term (...) and its gradient (..., P) at parameters (..., P), without the weight of the term."""
        thetas = self._rows(theta)
        losses, results, count = np.empty(len(thetas)), _empty(thetas.shape), ctypes.c_long(len(thetas))
        self._library.gradients(self._position[name], _at(thetas), count, *self._data, _at(losses), _at(results))
        return torch.from_numpy(losses).reshape(theta.shape[:-1]), torch.from_numpy(results).reshape(theta.shape)

    def products(self, name: str, theta: Tensor, vectors: Tensor) -> Tensor:
        """Products (k, P) of the Hessian of a term at theta (P,) with vectors (k, P)."""
        return self._products(name, theta, vectors, 0)

    def gauss_newton(self, name: str, theta: Tensor, vectors: Tensor) -> Tensor:
        """Products (k, P) of the Gauss-Newton part of a term's Hessian at theta (P,) with vectors (k, P)."""
        return self._products(name, theta, vectors, 1)

    def _products(self, name: str, theta: Tensor, vectors: Tensor, gauss_newton: int) -> Tensor:
        (at,), rows = self._rows(theta[None]), self._rows(vectors)
        results, count = _empty(rows.shape), ctypes.c_long(len(rows))
        which = self._position[name]
        self._library.products(which, gauss_newton, _at(at), _at(rows), count, *self._data, _at(results))
        return torch.from_numpy(results)

    def _rows(self, theta: Tensor) -> Array:
        """Parameters (..., P) as a contiguous array (m, P).

        Raises:
            ValueError: the last dimension is not P; the code would read out of bounds.
        """
        rows = theta.detach().numpy().reshape(-1, theta.shape[-1])
        if rows.shape[1] != self._size:
            raise ValueError(f"parameters must be (..., {self._size}), not {tuple(theta.shape)}")
        return np.ascontiguousarray(rows, dtype=np.float64)


def point_fields(group: TorchGroup, plan: Plan) -> Array:
    """The data that the code reads at each point (n, sites, fields), in the order of ``Source.fields``."""
    points, slots, network = group.points, plan.slots, group.solution.network
    flat = group.solution.tensor(points.points).flatten(0, 1)
    shape = points.points.shape[:2]
    columns = [points.points]
    keys = {*slots.inputs, *slots.ansatz}
    directions = {key: _direction(group, plan, key) for key in keys if key.startswith("along")}
    streams = _needed(keys, group.solution.unknowns)
    if slots.inputs:
        found = _by_key(embedded(network.embeddings, flat, streams).unflatten(1, shape), streams, directions)
        columns.append(np.stack([found[key] for key in slots.inputs], -1).reshape(*shape, -1))
    plain = Streams.of(streams.monomials)
    for part in (group.solution.ansatz.factor, group.solution.ansatz.lift):
        if part is not None:
            found = _by_key(function_streams(part, flat, plain).unflatten(1, shape), plain, directions)
            columns.append(np.stack([found[key] for key in slots.ansatz], -1).reshape(*shape, -1))
    shared = np.stack([points.weights, *points.data.values()], -1)
    columns.append(np.broadcast_to(shared, (*shape, shared.shape[-1])))
    return np.concatenate(columns, -1).transpose(1, 0, 2)


def _needed(keys: set[Key], unknowns: Unknowns) -> Streams:
    """The streams from which the derivatives of all keys can be computed."""
    dimension = len(unknowns.variables)
    plain = [found for key in keys if (found := monomial(key)) is not None]
    firsts = [unit(dimension, i) for i in range(dimension)] if any(key.startswith("along") for key in keys) else []
    return Streams.of([(0,) * dimension, *plain, *firsts], unknowns.space if "laplacian" in keys else ())


def _by_key(values: Tensor, streams: Streams, directions: Mapping[Key, dict[int, Array]]) -> dict[Key, Array]:
    """Derivatives (sites, n, ...) by key, including those along the given directions, from streams (S, sites, n, ...)."""
    rows = values.cpu().numpy()
    found = {key_of(monomial): rows[k] for monomial, k in streams.position.items()} | {"laplacian": rows[-1]}
    for key, slopes in directions.items():
        firsts = {i: rows[streams.position[unit(streams.dimension, i)]] for i in slopes}
        found[key] = np.sum([slope[..., None] * firsts[i] for i, slope in slopes.items()], axis=0)
    return found


def _direction(group: TorchGroup, plan: Plan, key: Key) -> dict[int, Array]:
    """The direction of a term at each point: components v_i (1, n) by variable i, for the variables that occur."""
    among, formula = plan.directions[int(key.split()[1])]
    points = group.points
    values = {**points.data, **group.solution.parameters}
    arguments = [points.points[0, :, a.position] if a.kind == "coordinate" else values[a.name] for a in formula.arguments]
    slopes = formula.function(ON_ARRAYS)(*arguments)
    return {i: np.broadcast_to(np.asarray(v, dtype=np.float64), (1, points.count)) for i, v in zip(among, slopes, strict=True)}


def _aligned(array: Array) -> Array:
    """A copy whose address is a multiple of 64 bytes, as SIMD vectors require."""
    found = _empty(array.shape)
    np.copyto(found, array)
    return found


def _empty(shape: tuple[int, ...]) -> Array:
    """An uninitialised array whose address is a multiple of 64 bytes, as torch's are.

    The alignment matters because the rounding of sums over an array may depend on its address.
    """
    size = math.prod(shape)
    memory = np.empty(size + 8)
    start = -memory.ctypes.data % 64 // 8
    return memory[start : start + size].reshape(shape)


def _at(array: Array) -> ctypes.c_void_p:
    return ctypes.c_void_p(array.ctypes.data)
