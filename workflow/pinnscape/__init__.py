"""Loss landscapes of physics-informed neural networks: Deep Ritz and strong form, mapped and measured.

Three calls lead from a boundary value problem to a map of its loss. They return the loss as a function of the parameters of a
network, a trained network, and the losses on a plane through its parameters.

>>> import pinnscape
>>> objective = pinnscape.objective("poisson2d", "deep-ritz")
>>> run = pinnscape.train(objective, seed=0)
>>> surface = pinnscape.surface(objective, run["theta"][-1])

``objective`` is a function of the P parameters theta. ``run`` and ``surface`` are xarray Datasets;
``surface["value"][0].plot()`` plots a loss landscape.

>>> objective.size
337
>>> bool(run["l2_error"][-1] < 1e-3)
True
>>> dict(surface["value"].sizes)
{'loss': 3, 'alpha': 41, 'beta': 41}

The subpackages contain everything else, for example ``curvature`` (Hessians), ``connectivity`` (paths between minimisers) and
``figures``.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pinnscape.interactive.calls import objective, surface, train
    from pinnscape.losses.objective import Objective
    from pinnscape.problems.problem import Problem

__version__ = "0.1.0"
__all__ = ["Objective", "Problem", "objective", "surface", "train"]

# Modules that define these names. They are imported on first use, so that `import pinnscape` is fast.
_MODULES = {
    "Objective": "pinnscape.losses.objective",
    "Problem": "pinnscape.problems.problem",
    "objective": "pinnscape.interactive.calls",
    "surface": "pinnscape.interactive.calls",
    "train": "pinnscape.interactive.calls",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module 'pinnscape' has no attribute {name!r}")
    return getattr(import_module(_MODULES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
