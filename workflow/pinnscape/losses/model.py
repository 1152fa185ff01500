"""From the settings of a study to objectives: the one place where names become problems, networks and rules."""

from pathlib import Path

from pinnscape.config.sections import EngineSettings, Model, NetworkSettings
from pinnscape.losses.native.build import Compiler
from pinnscape.losses.discretization import Discretization
from pinnscape.networks.layout import Network
from pinnscape.problems import quadrature
from pinnscape.problems.catalog import CATALOG, problem

EVALUATIONS_A_STEP = 1.2  # of a training: a line search takes a little more than one gradient
_KERNELS = Path(".cache/kernels")  # of the folder of the study


def network(name: str, settings: NetworkSettings) -> Network:
    """The network of the problem ``name``."""
    entry = CATALOG[name]
    return Network(entry.dimension, entry.components, settings.width, settings.depth, settings.activation)


def compiler(engine: EngineSettings, evaluations: float) -> Compiler | None:
    """The compiler that the section ``engine`` asks for; ``evaluations`` as in ``Compiler``."""
    if engine.compile == "never":
        return None
    return Compiler(_KERNELS, evaluations if engine.compile == "auto" else None)


def discretization(
    name: str,
    model: Model,
    device: str = "cpu",
    compiler: Compiler | None = None,
    memory: float = 1000.0,
) -> Discretization:
    """A problem with its network and quadrature.

    Args:
        name: of the problem.
        model: what defines the losses.
        device: of the tensors.
        compiler: of losses and derivatives, if any.
        memory: for intermediate values, in megabytes.
    """
    rule = quadrature.rule(model.quadrature.rule, model.quadrature.points, CATALOG[name].dimension)
    return Discretization(problem(name, model.parameters), network(name, model.network), rule, device, compiler, 1e6 * memory)
