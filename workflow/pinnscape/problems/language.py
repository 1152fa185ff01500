"""All that the file of a problem needs, from one place.

    from pinnscape.problems.language import Initial, Parameter, Periodic, Problem, SpaceTime, pi, sin

A file has a subclass of ``Problem``, with

- ``domain``: ``Interval``, ``Box``, ``SpaceTime``, ``LShape``, ``SlitSquare``, ``Disk``;
- ``conditions(self)``: ``Dirichlet``, ``Neumann``, ``Robin``, ``Clamped``, ``Initial``, ``InitialRate``, ``Periodic``;
- ``residual(self, p, u)``, ``density(self, p, u)`` or both;
- where they are known, ``exact(self, p)``, ``load(self, p)``, ``lift(self, p)`` and ``exists(self, p, u)``.

In these methods, p is a point with its coordinates by name (``p.x``, or ``x, t = p``) and u a field with its derivatives by the names of the variables
(``u``, ``u.x``, ``u.xt``, ``u.laplacian``; ``v, q = u`` for two components). The functions here take what p and u give.
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
