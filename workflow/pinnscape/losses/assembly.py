"""The terms of a problem's losses with their point sets and the solution that they share.

A term is evaluated by native (compiled C++) code if the code exists and compiling it saves time, and by torch otherwise.
"""

import copy
import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property

import torch
from torch import Tensor

from pinnscape.files.kept import Kept
from pinnscape.losses.group import TorchGroup
from pinnscape.losses.native.build import Compiler
from pinnscape.losses.native.groups import NativeGroup, native
from pinnscape.losses.solution import Solution
from pinnscape.losses.terms import Ansatz, Term
from pinnscape.networks.architectures import Architecture
from pinnscape.problems.field import Unknowns
from pinnscape.problems.points import PointSet

log = logging.getLogger(__name__)

# On a CPU, larger batches of parameter vectors are slower.
_CHUNK_BYTES = 4_000_000  # upper bound on the intermediate values of one layer, in bytes
_CHUNK = 64  # number of parameter vectors in a batch for native code


class Assembly:
    """Terms with distinct names, and the solution that they share.

    Args:
        network: architecture of the network.
        unknowns: names of the variables and of the components of the solution.
        terms: terms of the losses, and terms that are only measured, such as errors.
        ansatz: lift and factor that turn the network into the solution.
        parameters: parameters of the problem by name; local expressions read them like data columns.
        device: device of all tensors, which are float64.
        compiler: compiler for native code. Without a compiler, and on a GPU, torch evaluates all terms.
        memory: upper bound on the intermediate values of one evaluation by torch, in bytes.
        kept: cache of the symbolic derivations, if any.
        solution: class that evaluates the solution from the parameters; only ``Solution`` itself has native code.

    Raises:
        ValueError: there is no term, two terms have the same name, or the network does not fit the unknowns.
        ProblemError: a term needs a derivative of higher order than the activation has.
    """

    def __init__(
        self,
        network: Architecture,
        unknowns: Unknowns,
        terms: Sequence[Term],
        ansatz: Ansatz | None = None,
        parameters: Mapping[str, float] | None = None,
        device: str = "cpu",
        compiler: Compiler | None = None,
        memory: float = 1e9,
        kept: Kept | None = None,
        solution: type[Solution] = Solution,
    ) -> None:
        names = [term.name for term in terms]
        if len(set(names)) < len(names) or not names:
            raise ValueError(f"`terms` must have different names, and there must be one at least, not {', '.join(names)}")
        self.solution = solution(network, unknowns, ansatz or Ansatz(), dict(parameters or {}), torch.device(device), memory)
        self.terms = {term.name: term for term in terms}
        self._compiler = compiler if self.solution.device.type == "cpu" and solution is Solution else None
        sets = {id(term.points): term.points for term in terms}
        self.groups = [
            TorchGroup(self.solution, points, [t for t in terms if t.points is points], kept) for points in sets.values()
        ]

    def with_weights(self, weights: Mapping[str, float]) -> "Assembly":
        """A copy with other weights of some terms, by name; compiled code is reused."""
        other = copy.copy(self)
        other.terms = {name: replace(term, weight=weights.get(name, term.weight)) for name, term in self.terms.items()}
        return other

    def with_points(self, changes: Mapping[PointSet, PointSet]) -> "Assembly":
        """A copy in which some point sets are replaced (old set → new set); compiled code is reused."""
        other = copy.copy(self)
        other.groups = [group.moved(changes.get(group.points, group.points)) for group in self.groups]
        other.terms = {name: replace(term, points=changes.get(term.points, term.points)) for name, term in self.terms.items()}
        natives = vars(self).get("natives")
        for name in ("natives", "routes"):
            vars(other).pop(name, None)
        if natives is not None:
            vars(other)["natives"] = [
                None if made is None else made.moved(group) for made, group in zip(natives, other.groups, strict=True)
            ]
        return other

    @cached_property
    def natives(self) -> list[NativeGroup | None]:
        """Native code of each group; None if the group cannot be compiled, or if compiling it would not save time."""
        points = sum(group.streams.count * group.points.sites * group.points.count for group in self.groups)
        if self._compiler is None or not self._compiler.pays(self.solution.network.size * points):
            return [None] * len(self.groups)
        return [native(group, self._compiler) for group in self.groups]

    def group(self, name: str) -> TorchGroup:
        """The group that contains the term of this name."""
        return next(group for group in self.groups if name in group.terms)

    @cached_property
    def routes(self) -> dict[str, TorchGroup | NativeGroup]:
        """The evaluator of each term, by name: native code if there is any, otherwise torch."""
        pairs = zip(self.groups, self.natives, strict=True)
        return {name: made or group for group, made in pairs for name in group.terms}

    @property
    def batch(self) -> int:
        """Number of parameter vectors to evaluate in one batch.

        On a CPU, torch's intermediate values of one layer should stay in the cache; on a GPU, all intermediate values must fit
        into ``memory``. Native code has no intermediate arrays, and its batch size is a constant.
        """
        if None not in self.natives:
            return _CHUNK
        if self.solution.device.type != "cpu":
            most = max(group.bytes_a_point(group.streams) * group.points.count for group in self.groups)
            return max(1, int(self.solution.memory / most))
        largest = max(group.streams.count * group.points.sites * group.points.count for group in self.groups)
        return max(1, _CHUNK_BYTES // (8 * largest * self.solution.network.width))

    def at(self, theta: Tensor, points: Tensor) -> Tensor:
        """The solution (..., n, c) at arbitrary points (n, d), for parameters (..., P)."""
        return self.solution.at(theta, points)

    def measure(self, theta: Tensor) -> dict[str, Tensor]:
        """All weighted terms (...) at parameters (..., P), from one forward pass for each point set.

        If any term has an existence condition, the result also has the key ``exists``: whether all conditions hold at all
        points, bool (...).
        """
        found: dict[str, Tensor] = {}
        exist = torch.ones(theta.shape[:-1], dtype=torch.bool, device=theta.device)
        for group, made in zip(self.groups, self.natives, strict=True):
            values, exists = (made or group).measure(theta)
            found |= {name: self.terms[name].weight * value for name, value in values.items()}
            exist = exist & exists
        conditional = any(term.exists is not None for term in self.terms.values())
        return {name: found[name] for name in self.terms} | ({"exists": exist} if conditional else {})
