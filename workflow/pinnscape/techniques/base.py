"""Description of a technique, which is a module of this package with TECHNIQUE, METRICS, ``Settings``, ``measure`` and
``metrics``.

METRICS maps the name of each number that ``metrics`` yields, with its arguments in brackets, to its meaning. The content of the
file of a technique is described in the module that writes it.

These modules are imported whenever a study is read. Modules that need torch are therefore imported within ``measure``.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Rows = Iterator[tuple[str, int, str, str, float]]  # trained_on, seed, checkpoint, metric, value


@dataclass(frozen=True)
class Technique:
    """The properties of a technique that the workflow uses.

    Attributes:
        title: title of the file and the figure.
        about: what the technique analyses: ``training`` (trajectories of trainings, and paths between minimisers), ``point``
            (the neighbourhood of a point), or ``structure`` (the structure of losses and surfaces).
        question: the question that the technique answers.
        formula: formula of the measured quantities, in Unicode.
        caption: caption of the figure in the report, in reStructuredText with Jinja2.
        source: papers that introduced the technique, such as ``Li et al. 2018; Wu et al. 2021``; docs/techniques.md lists them.
        costly: whether the technique belongs to the extended study only.
        surfaces: planes whose surface-{plane}.nc the technique reads instead of the trainings.
        needs: what a case must have, without which the technique is left out for it: ``compared`` (trainings on the two losses
            that claims compare), ``solution`` (an exact solution or a reference, so that errors are known), ``permutable`` (a
            network whose hidden units can be permuted), ``draws`` (random points or mini-batches), ``residuals`` (losses whose
            Gauss-Newton part is known) or ``problem`` (a boundary value problem, whose points can be placed by other rules). The
            last two are lacking only in torch modules.
        directions: whether the technique uses random directions, which are normalised according to the section ``directions``.
        splits: whether all or most of the work is done for each run independently, by ``Runs.collect``, and can therefore be
            divided among jobs.
    """

    title: str
    about: Literal["training", "point", "structure"]
    question: str
    formula: str
    caption: str
    source: str = ""
    costly: bool = False
    surfaces: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    directions: bool = False
    splits: bool = True
