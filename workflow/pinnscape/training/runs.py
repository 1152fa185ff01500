"""The training runs of one problem, for techniques that compare formulations, seeds and checkpoints."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import xarray as xr
from torch import Tensor

from pinnscape.common.errors import ModelError
from pinnscape.common.formulations import DEEP_RITZ
from pinnscape.files.pieces import Piece, Source, compute
from pinnscape.files.unfinished import Finished
from pinnscape.losses.discretization import Discretization
from pinnscape.losses.objective import Losses, Objective, tensor
from pinnscape.networks.layout import Layout, layout_of


@dataclass(frozen=True, eq=False)
class Run:
    """One training run.

    Attributes:
        trained_on: name of the loss that was minimised.
        seed: seed of the training run.
        checkpoints: content of checkpoints.nc.
        training: content of training.nc.
    """

    trained_on: str
    seed: int
    checkpoints: xr.Dataset
    training: xr.Dataset

    @property
    def layout(self) -> Layout:
        """The layout of theta."""
        return layout_of(self.checkpoints)

    @property
    def steps(self) -> np.ndarray:
        """Optimisation steps (n,) of the snapshots."""
        return self.training["snapshot_step"].values

    @property
    def snapshots(self) -> np.ndarray:
        """Parameters (n, P) along the training, from the initial to the final ones."""
        return self.training["theta"].values

    def theta(self, checkpoint: str = "final") -> np.ndarray:
        """Parameters (P,) at a checkpoint."""
        return self.checkpoints["theta"].sel(checkpoint=checkpoint).values


@dataclass(frozen=True, eq=False)
class Runs:
    """All training runs of one problem: all formulations with all seeds.

    Attributes:
        family: the losses of the case.
        all: the runs, ordered by formulation, then by seed.
        source: gives the results that ``collect`` joins; by default, it computes them.
        parts: stores finished parts of a technique for a later attempt.
    """

    family: Losses
    all: tuple[Run, ...]
    source: Source = compute
    parts: Finished | None = None
    _seen: dict[str, float] = field(default_factory=dict, repr=False)

    @cached_property
    def formulations(self) -> tuple[str, ...]:
        """Formulations that were trained, in the order of the study."""
        return tuple(dict.fromkeys(run.trained_on for run in self.all))

    @cached_property
    def seeds(self) -> tuple[int, ...]:
        """Seeds in the order of the study."""
        return tuple(dict.fromkeys(run.seed for run in self.all))

    @property
    def discretization(self) -> Discretization:
        """The losses of a boundary value problem.

        Raises:
            ModelError: the losses are those of a module, of which no problem is known.
        """
        if not isinstance(self.family, Discretization):
            raise ModelError("this technique needs a boundary value problem; the losses are those of a module")
        return self.family

    def gap_errors(self, loss: str, thetas: Tensor) -> np.ndarray:
        """Quadrature errors (n,) of gaps at parameters (n, P); 0 for losses with the minimum 0 under every rule."""
        return self.family.gap_errors(thetas) if loss == DEEP_RITZ.name else np.zeros(len(thetas))

    def run(self, trained_on: str, seed: int) -> Run:
        """The run of this formulation and seed.

        Raises:
            KeyError: there is no such run.
        """
        for run in self.all:
            if (run.trained_on, run.seed) == (trained_on, seed):
                return run
        raise KeyError(f"no run of {trained_on} with seed {seed}")

    @property
    def losses(self) -> tuple[str, ...]:
        """The losses of the problem, in the order of files."""
        return self.family.losses

    @property
    def compared(self) -> tuple[str, ...]:
        """The two losses that claims compare; empty if there are no two."""
        return self.family.compared

    @property
    def physics(self) -> tuple[str, ...]:
        """The losses that contain the differential equation."""
        return self.family.physics

    def objective(self, loss: str) -> Objective:
        """A loss of the problem, not necessarily one that was trained.

        The lowest value at a snapshot of any run takes the place of a minimum that is not known.
        """
        found = self.family.objective(loss)
        return found if np.isfinite(found.minimum) else found.with_minimum(self._lowest(loss))

    def _lowest(self, loss: str) -> float:
        if loss not in self._seen:
            objective = self.family.objective(loss)
            values = [objective.loss(self.tensor(run.snapshots)) for run in self.all]
            finite = [float(v[v.isfinite()].min()) for v in values if bool(v.isfinite().any())]
            self._seen[loss] = min(finite, default=float("nan"))
        return self._seen[loss]

    def tensor(self, values: np.ndarray) -> Tensor:
        """Parameters as a tensor on the device of the losses."""
        return tensor(values, self.family.device)

    def part(self, name: str, compute: Callable[[], xr.Dataset]) -> xr.Dataset:
        """The result of ``compute``, or the stored one from an earlier attempt.

        Args:
            name: unique name of the part within the technique.
            compute: computes the part, independently of all other parts.
        """
        return compute() if self.parts is None else self.parts(name, compute)

    def collect(self, measure: Callable[[Run], xr.Dataset]) -> xr.Dataset:
        """The datasets of all runs, joined along the new dimensions ``trained_on`` and ``seed``, in this order.

        Each run is a separate piece of work; a technique calls this method once. Runs with the same seed, which start from the
        same point, are adjacent.

        Args:
            measure: computes the dataset of a run, which is stored as a part. All datasets have equal variables, dimensions and
                coordinates.
        """

        def piece(trained_on: str, seed: int) -> Piece:
            run = self.run(trained_on, seed)
            return Piece(_name(trained_on, seed), lambda: self.part(f"{trained_on}-seed-{seed}", lambda: measure(run)))

        results = self.source([piece(f, s) for s in self.seeds for f in self.formulations])
        rows = [
            xr.concat([results[_name(f, s)] for s in self.seeds], _index("seed", self.seeds), **_STRICT)
            for f in self.formulations
        ]
        return xr.concat(rows, _index("trained_on", self.formulations), **_STRICT)


_STRICT: dict[str, Any] = {"join": "exact", "data_vars": "all", "coords": "minimal", "compat": "equals"}


def _name(trained_on: str, seed: int) -> str:
    return f"{trained_on}/seed-{seed}"


def _index(name: str, values: Iterable[Any]) -> xr.DataArray:
    return xr.DataArray(list(values), dims=name, name=name)
