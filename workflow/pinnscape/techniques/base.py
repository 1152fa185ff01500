"""What a technique is: a module of this package with TECHNIQUE, METRICS, ``measure`` and ``metrics``.

METRICS says what each number of ``metrics`` means, by its name and, in brackets, what stands there. What the file of a technique holds is described where
it is made.

These modules are read whenever a study is: what takes torch is imported within ``measure``.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Rows = Iterator[tuple[str, int, str, str, float]]  # trained_on, seed, checkpoint, metric, value


@dataclass(frozen=True)
class Technique:
    """What the workflow has to know of a technique.

    Attributes:
        title: of its file and figure.
        about: what it looks at: ``training`` (the way of a training, and ways between minimisers), ``point`` (the neighbourhood of a point), or
            ``structure`` (of losses and surfaces).
        question: that it answers.
        formula: of what it measures, in Unicode.
        caption: of its figure in the report, reStructuredText with Jinja2.
        source: papers that introduced it, such as ``Li et al. 2018; Wu et al. 2021``; docs/techniques.md lists them.
        costly: whether it belongs to the extended study alone.
        surfaces: planes whose surface-{plane}.nc it reads instead of trainings.
        directions: whether its random directions are normalised as ``directions`` says.
        splits: whether its work, or most of it, is done for each run alone, by ``Runs.collect``, and can be divided among jobs.
    """

    title: str
    about: Literal["training", "point", "structure"]
    question: str
    formula: str
    caption: str
    source: str = ""
    costly: bool = False
    surfaces: tuple[str, ...] = ()
    directions: bool = False
    splits: bool = True
