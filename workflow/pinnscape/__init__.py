"""Loss landscapes of physics-informed neural networks: Deep Ritz and strong form, mapped and measured.

Three calls lead from a boundary value problem to a map of its loss. They return the loss as a function of the parameters of a
network, a trained network, and the losses on a plane through its parameters.

>>> import pinnscape
>>> objective = pinnscape.objective("poisson2d", "deep-ritz")
>>> run = pinnscape.train(objective, seed=0)
>>> plane = pinnscape.plane(objective, run["theta"][-1])

``objective`` is a function of the P parameters theta. ``run`` and ``plane`` are xarray Datasets;
``plane["value"][0].plot()`` plots a loss landscape.

>>> objective.size
337
>>> bool(run["l2_error"][-1] < 1e-3)
True
>>> dict(plane["value"].sizes)
{'loss': 3, 'alpha': 41, 'beta': 41}

The loss may also be that of any torch module, by ``pinnscape.from_torch(module, loss)``. ``pinnscape.lines``, ``spectrum``,
``density`` and ``hessian`` take the same arguments as ``plane``, and each technique of the workflow is a function of a loss and
of trainings, such as ``pinnscape.sharpness(objective, run)``.

The subpackages contain everything else, for example ``curvature`` (Hessians), ``connectivity`` (paths between minimisers) and
``figures``.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pinnscape.interactive.calls import objective, train
    from pinnscape.interactive.files import load, save
    from pinnscape.interactive.landscapes import lines, plane, volume
    from pinnscape.interactive.lightning import LightningRecorder
    from pinnscape.interactive.models import deepxde_loss, from_deepxde, from_torch
    from pinnscape.interactive.plotting import plot
    from pinnscape.interactive.recorder import Recorder
    from pinnscape.interactive.spectra import density, hessian, spectrum
    from pinnscape.interactive.techniques import connect
    from pinnscape.losses.objective import Objective
    from pinnscape.problems.problem import Problem

__version__ = "0.1.0"
__all__ = [
    "LightningRecorder",
    "Objective",
    "Problem",
    "Recorder",
    "connect",
    "deepxde_loss",
    "density",
    "from_deepxde",
    "from_torch",
    "hessian",
    "lines",
    "load",
    "objective",
    "plane",
    "plot",
    "save",
    "spectrum",
    "train",
    "volume",
]

# Modules that define these names. They are imported on first use, so that `import pinnscape` is fast.
_MODULES = {
    "Objective": "pinnscape.losses.objective",
    "Problem": "pinnscape.problems.problem",
    "objective": "pinnscape.interactive.calls",
    "train": "pinnscape.interactive.calls",
    "load": "pinnscape.interactive.files",
    "save": "pinnscape.interactive.files",
    "plot": "pinnscape.interactive.plotting",
    "LightningRecorder": "pinnscape.interactive.lightning",
    "Recorder": "pinnscape.interactive.recorder",
    "lines": "pinnscape.interactive.landscapes",
    "plane": "pinnscape.interactive.landscapes",
    "volume": "pinnscape.interactive.landscapes",
    "deepxde_loss": "pinnscape.interactive.models",
    "from_deepxde": "pinnscape.interactive.models",
    "from_torch": "pinnscape.interactive.models",
    "connect": "pinnscape.interactive.techniques",
    "density": "pinnscape.interactive.spectra",
    "hessian": "pinnscape.interactive.spectra",
    "spectrum": "pinnscape.interactive.spectra",
}


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return getattr(import_module(_MODULES[name]), name)
    if not name.startswith("_"):
        catalog = import_module("pinnscape.techniques.catalog")
        if name in catalog.TECHNIQUES:
            return import_module("pinnscape.interactive.techniques").technique(name)
    raise AttributeError(f"module 'pinnscape' has no attribute {name!r}")


def __dir__() -> list[str]:
    techniques = import_module("pinnscape.techniques.catalog").NAMES
    return sorted({*globals(), *__all__, *techniques})
