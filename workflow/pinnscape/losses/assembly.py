"""Terms on all their point sets with the solution that they share: each evaluated by native code where that pays and can be had, else by torch."""

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

# More parameters at a time are slower on a CPU, not faster.
_CHUNK_BYTES = 4_000_000
_CHUNK = 64


class Assembly:
    """Terms with different names, and the solution that they share.

    Args:
        network: architecture.
        unknowns: names of variables and components.
        terms: of which losses are made, and those that are measured alone.
        ansatz: that makes the network a solution.
        parameters: of the problem, by name; local expressions find them beside the data columns.
        device: of all tensors; they are float64.
        compiler: makes native code where that pays; without it, and on a GPU, torch evaluates.
        memory: bound on the intermediate values of one evaluation by torch, in bytes.
        kept: memory of what is derived from the terms, if any.
        solution: class of the field that parameters make; one without a network has no native code.

    Raises:
        ValueError: two terms have the same name, or the network does not fit the unknowns.
        ProblemError: a term needs a derivative that the activation does not have.
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

    def with_parameters(self, **parameters: float) -> "Assembly":
        """The same with other values of some parameters; nothing is compiled anew.

        Raises:
            ValueError: there is no such parameter.
        """
        known = self.solution.parameters
        if unknown := sorted(set(parameters) - set(known)):
            raise ValueError(f"there is no parameter {', '.join(unknown)}; there are {', '.join(known) or 'none'}")
        return self._moved(replace(self.solution, parameters={**known, **parameters}), {})

    def with_weights(self, weights: Mapping[str, float]) -> "Assembly":
        """The same with other weights of some terms; nothing is compiled anew."""
        other = copy.copy(self)
        other.terms = {name: replace(term, weight=weights.get(name, term.weight)) for name, term in self.terms.items()}
        return other

    def with_points(self, changes: Mapping[PointSet, PointSet]) -> "Assembly":
        """The same with other points in place of some; nothing is compiled anew."""
        return self._moved(self.solution, changes)

    def _moved(self, solution: Solution, changes: Mapping[PointSet, PointSet]) -> "Assembly":
        other = copy.copy(self)
        other.solution = solution
        other.groups = [group.moved(solution, changes.get(group.points, group.points)) for group in self.groups]
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
        """Native code of each group; None where there is none, or where it does not pay."""
        points = sum(group.streams.count * group.points.sites * group.points.count for group in self.groups)
        if self._compiler is None or not self._compiler.pays(self.solution.network.size * points):
            return [None] * len(self.groups)
        return [native(group, self._compiler) for group in self.groups]

    def group(self, name: str) -> TorchGroup:
        """The group of a term."""
        return next(group for group in self.groups if name in group.terms)

    @cached_property
    def routes(self) -> dict[str, TorchGroup | NativeGroup]:
        """What evaluates each term."""
        pairs = zip(self.groups, self.natives, strict=True)
        return {name: made or group for group, made in pairs for name in group.terms}

    @property
    def batch(self) -> int:
        """Parameter vectors worth taking at a time: on the CPU so that the temporaries of one layer stay in the cache, on a GPU as many as fit.

        Native code has no temporaries.
        """
        if None not in self.natives:
            return _CHUNK
        if self.solution.device.type != "cpu":
            most = max(group.bytes_a_point(group.streams) * group.points.count for group in self.groups)
            return max(1, int(self.solution.memory / most))
        largest = max(group.streams.count * group.points.sites * group.points.count for group in self.groups)
        return max(1, _CHUNK_BYTES // (8 * largest * self.solution.network.width))

    def at(self, theta: Tensor, points: Tensor) -> Tensor:
        """The solution (..., n, c) at any points (n, d)."""
        return self.solution.at(theta, points)

    def measure(self, theta: Tensor) -> dict[str, Tensor]:
        """All terms (...) with their weights at parameters (..., P), from one pass through the network for each point set.

        Where a term has a condition, ``exists`` says whether all conditions hold at all points.
        """
        found: dict[str, Tensor] = {}
        exist = torch.ones(theta.shape[:-1], dtype=torch.bool, device=theta.device)
        for group, made in zip(self.groups, self.natives, strict=True):
            values, exists = (made or group).measure(theta)
            found |= {name: self.terms[name].weight * value for name, value in values.items()}
            exist = exist & exists
        conditional = any(term.exists is not None for term in self.terms.values())
        return {name: found[name] for name in self.terms} | ({"exists": exist} if conditional else {})
