"""What all figures have in common: fonts, colours, names, and how they are saved.

Figures are made without pyplot, so nothing is registered globally: a figure is gone when its last reference is.
"""

import functools
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import matplotlib.style
import xarray as xr
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_pdf import FigureCanvasPdf
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from pinnscape.common.formulations import DEEP_RITZ, FORMULATIONS, STRONG_FORM, SUPERVISED
from pinnscape.figures import ticks
from pinnscape.files import atomic

P = ParamSpec("P")
R = TypeVar("R")

WIDTH = 7.0  # inches, the text width of a two-column page
OTHER_COLOUR = "#CC79A7"
EXACT_COLOUR = "black"
WARNING = "#B00000"  # of words that must not be missed
NO_VALUE = "0.82"  # grey of cells without a value
HATCH = "/////"
GRID = {"color": "0.9", "linewidth": 0.5}


@dataclass(frozen=True)
class Look:
    """How figures show a formulation.

    Attributes:
        colour: the same in every figure.
        label: the formulation in words.
        loss: its loss in words, as it is shown.
    """

    colour: str
    label: str
    loss: str


# Colours of Okabe & Ito (2008): distinguishable with every common form of colour blindness, and in grey.
_LOOKS = {
    DEEP_RITZ: Look("#0072B2", "Deep Ritz", "energy gap"),  # its loss is always shown as a gap
    STRONG_FORM: Look("#D55E00", "strong form", "strong-form loss"),
    SUPERVISED: Look("#009E73", "supervised", "supervised loss"),
}
_PROBLEM_LABELS = {
    "poisson1d": "Poisson 1-D",
    "poisson2d": "Poisson 2-D",
    "semilinear2d": "semilinear 2-D",
    "neo_hookean2d": "neo-Hookean 2-D",
}
_CHECKPOINT_LABELS = {"init": "initial point", "best": "best point", "final": "final point"}

_RC = {
    "font.family": "DejaVu Sans",  # comes with matplotlib: the same glyphs everywhere
    "mathtext.fontset": "dejavusans",
    "font.size": 8,
    "axes.titlesize": 8,
    "axes.labelsize": 8,
    "figure.titlesize": 9,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "legend.fontsize": 7,
    "legend.frameon": False,
    "axes.linewidth": 0.6,
    "axes.axisbelow": True,
    "axes.formatter.use_mathtext": True,
    "axes.formatter.limits": (-2, 4),
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.minor.width": 0.4,
    "ytick.minor.width": 0.4,
    "lines.linewidth": 1.0,
    "hatch.color": "0.35",
    "hatch.linewidth": 0.5,
    "pdf.fonttype": 42,  # TrueType: text stays text in the journal's PDF
}


def styled(function: Callable[P, R]) -> Callable[P, R]:
    """Run ``function`` with the style of the project and nothing of the user's own matplotlibrc."""

    @functools.wraps(function)
    def inside(*args: P.args, **kwargs: P.kwargs) -> R:
        with matplotlib.style.context(["default", _RC]):
            return function(*args, **kwargs)

    return inside


def figure(height: float, width: float = WIDTH, *, square: bool = False, right: float = 1.0) -> Figure:
    """An empty figure whose parts make room for each other.

    Args:
        height: in inches.
        width: in inches.
        square: move panels of fixed aspect together.
        right: where the panels end, as a fraction of the width.
    """
    return Figure(figsize=(width, height), layout=ConstrainedLayoutEngine(rect=(0.0, 0.0, right, 1.0), compress=square))


@styled
def save(fig: Figure, pdf: str | Path, png: str | Path, dpi: int) -> None:
    """Write ``fig`` as PDF and PNG without date or program, so that equal figures give equal bytes."""
    fig.dpi = dpi
    ticks.simplify(fig)
    _arrange(fig)
    # The canvases themselves: savefig would draw the figure once more for each file.
    with atomic.replacing(pdf) as unfinished:
        FigureCanvasPdf(fig).print_pdf(unfinished, metadata={"CreationDate": None})
    fig.dpi = dpi
    with atomic.replacing(png) as unfinished:
        FigureCanvasAgg(fig).print_png(unfinished, metadata={"Software": None})


def _arrange(fig: Figure) -> None:
    """Give the parts of the figure their places, once for all files."""
    engine = fig.get_layout_engine()
    if engine is not None:
        engine.execute(fig)
        fig.set_layout_engine("none")


def look(name: str) -> Look:
    """How a formulation is shown; one that is unknown under its own name."""
    return _LOOKS[FORMULATIONS[name]] if name in FORMULATIONS else Look(OTHER_COLOUR, name, f"{name} loss")


def colour(formulation: str) -> str:
    """The colour of a formulation, the same in every figure."""
    return look(formulation).colour


def ordered(formulations: Iterable[str]) -> list[str]:
    """Each formulation once, in the order used in every figure; unknown ones last."""
    given = set(formulations)
    return [*(name for name in FORMULATIONS if name in given), *sorted(given - FORMULATIONS.keys())]


def formulation_label(name: str) -> str:
    """A formulation in words."""
    return look(name).label


def loss_label(name: str) -> str:
    """The loss of a formulation in words; an energy is always shown as a gap."""
    return look(name).loss


def case_label(name: str) -> str:
    """A case in words, which are those of its problem."""
    return _PROBLEM_LABELS.get(name, name)


def checkpoint_label(name: str) -> str:
    """A checkpoint in words."""
    return _CHECKPOINT_LABELS.get(name, f"{name} point")


def title(datasets: Iterable[Any], text: str) -> str:
    """``text`` and the case that ``datasets`` are about."""
    return f"{case_label(next(iter(datasets)).attrs['case'])}: {text}"


def number(value: float, digits: int = 2) -> str:
    """``value`` for a label: plain where that is short, else as a power of ten in mathtext."""
    if not math.isfinite(value):
        return "not finite"
    exponent = int(f"{value:e}".split("e")[1])
    if value == 0 or -3 < exponent < 4:
        return f"{float(f'{value:.{digits - 1}e}'):g}".replace("-", "−")
    mantissa, power = f"{value:.{digits - 1}e}".split("e")
    return rf"${mantissa}\times10^{{{int(power)}}}$"


def known_alone(data: xr.Dataset) -> str:
    """For a panel of spectra of a technique: which eigenvalues are known, where these are not all."""
    size = data.attrs.get("parameters", 0)
    return f"the largest of {size:,} eigenvalues" if data.sizes["eigen"] < size else ""
