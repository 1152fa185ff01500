"""From the settings of a study to objectives: the one place where names become problems, networks and rules."""

from collections.abc import Mapping
from typing import Any

from pinnscape import quadrature
from pinnscape.networks import Network
from pinnscape.objective import Discretization
from pinnscape.problems.catalog import CATALOG, problem


def network(name: str, settings: Mapping[str, Any]) -> Network:
    """The network of a problem.

    Args:
        name: of the problem.
        settings: with keys ``width``, ``depth`` and ``activation``.
    """
    entry = CATALOG[name]
    return Network(entry.dimension, entry.components, settings["width"], settings["depth"], settings["activation"])


def discretization(name: str, settings: Mapping[str, Any], device: str = "cpu") -> Discretization:
    """A problem with its network and quadrature.

    Args:
        name: of the problem.
        settings: with keys ``network``, ``quadrature`` and ``parameters``, as ``Study.model`` gives them.
        device: of the tensors.
    """
    rule = quadrature.rule(settings["quadrature"]["rule"], settings["quadrature"]["points"], CATALOG[name].dimension)
    return Discretization(problem(name, settings["parameters"]), network(name, settings["network"]), rule, device)
