"""All names that the definition of a problem needs.

    from pinnscape.problems.language import Initial, Parameter, Periodic, Problem, SpaceTime, pi, sin

A problem is a subclass of ``Problem`` that defines

- ``domain``: ``Interval``, ``Box``, ``SpaceTime``, ``LShape``, ``SlitSquare`` or ``Disk``;
- ``conditions(self)``, which returns ``Dirichlet``, ``Neumann``, ``Robin``, ``Clamped``, ``Initial``, ``InitialRate`` or
  ``Periodic`` conditions;
- ``residual(self, p, u)``, ``density(self, p, u)`` or both;
- optionally ``exact(self, p)``, ``load(self, p)``, ``lift(self, p)`` and ``exists(self, p, u)``.

In these methods, p is a point with named coordinates (``p.x``, or ``x, t = p``), and u is a field, whose derivatives are named
after the variables (``u``, ``u.x``, ``u.xt``, ``u.laplacian``; ``v, q = u`` for two components). The functions of this module
accept the coordinates and derivatives.
"""

from pinnscape.problems.conditions import Clamped, Dirichlet, Initial, InitialRate, Neumann, Periodic, Robin
from pinnscape.problems.domains.boxes import Box, Interval, SpaceTime, cube
from pinnscape.problems.domains.corners import LShape, SlitSquare, polar
from pinnscape.problems.domains.disk import Disk
from pinnscape.problems.functions import atan2, cos, cosh, exp, log, pi, sin, sinh, sqrt, tan, tanh
from pinnscape.problems.parameter import Parameter
from pinnscape.problems.problem import Problem

__all__ = [
    "Box", "Clamped", "Dirichlet", "Disk", "Initial", "InitialRate", "Interval", "LShape", "Neumann", "Parameter", "Periodic", "Problem", "Robin",
    "SlitSquare", "SpaceTime", "atan2", "cos", "cosh", "cube", "exp", "log", "pi", "polar", "sin", "sinh", "sqrt", "tan", "tanh",
]  # fmt: skip
