"""Fonts, colours, names and the saving of all figures.

Figures are created without pyplot, so that none is registered globally: a figure is freed with its last reference.
"""

import functools
import itertools
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

from pinnscape.common import formulations
from pinnscape.common.formulations import DEEP_RITZ, FORMULATIONS, STRONG_FORM, SUPERVISED
from pinnscape.figures import ticks
from pinnscape.files import atomic

P = ParamSpec("P")
R = TypeVar("R")

WIDTH = 7.0  # inches, the text width of a two-column page
OTHER_COLOUR = "#CC79A7"
_OTHER_COLOURS = (OTHER_COLOUR, "#E69F00", "#56B4E9", "#7F3C8D", "0.4")  # of losses of torch modules, in their order
EXACT_COLOUR = "black"
WARNING = "#B00000"  # colour of warnings
NO_VALUE = "0.82"  # grey level of cells without a value
HATCH = "/////"
GRID = {"color": "0.9", "linewidth": 0.5}
# Colours of Okabe & Ito (2008) that no formulation has, and two more: colours of the terms of a loss, in their order.
_TERM_COLOURS = ("#E69F00", "#56B4E9", "#CC79A7", "black", "#7F3C8D", "0.5")


@dataclass(frozen=True)
class Look:
    """Colour and names of a formulation in figures.

    Attributes:
        colour: colour of the formulation, the same in every figure.
        label: name of the formulation.
        loss: name of its loss as shown in figures.
    """

    colour: str
    label: str
    loss: str


# Colours of Okabe & Ito (2008): distinguishable with every common form of colour blindness, and in grey.
_LOOKS = {
    DEEP_RITZ: Look("#0072B2", "Deep Ritz", "energy gap"),  # its loss is shown as a gap where its minimum is known
    STRONG_FORM: Look("#D55E00", "strong form", "strong-form loss"),
    SUPERVISED: Look("#009E73", "supervised", "supervised loss"),
}
_PROBLEM_LABELS = {
    "poisson1d": "Poisson 1-D",
    "poisson2d": "Poisson 2-D",
    "semilinear2d": "semilinear 2-D",
    "neo_hookean2d": "neo-Hookean 2-D",
    "burgers": "Burgers",
    "l_shape": "L-shape",
}
_CHECKPOINT_LABELS = {"init": "initial point", "best": "best point", "final": "final point"}

_RC = {
    "font.family": "DejaVu Sans",  # part of matplotlib, hence the same glyphs on every machine
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
    "pdf.fonttype": 42,  # TrueType: text remains text in the PDF of a journal
}


def styled(function: Callable[P, R]) -> Callable[P, R]:
    """Run ``function`` with the style of the project, independently of the matplotlibrc of the user."""

    @functools.wraps(function)
    def inside(*args: P.args, **kwargs: P.kwargs) -> R:
        with matplotlib.style.context(["default", _RC]):
            return function(*args, **kwargs)

    return inside


def figure(height: float, width: float = WIDTH, *, square: bool = False, right: float = 1.0, top: float = 1.0) -> Figure:
    """An empty figure with a constrained layout, in which panels, labels and legends do not overlap.

    Args:
        height: height in inches.
        width: width in inches.
        square: whether to move panels of fixed aspect together.
        right: right end of the panels, as a fraction of the width.
        top: upper end of the panels, as a fraction of the height.
    """
    return Figure(figsize=(width, height), layout=ConstrainedLayoutEngine(rect=(0.0, 0.0, right, top), compress=square))


@styled
def save(fig: Figure, pdf: str | Path, png: str | Path, dpi: int) -> None:
    """Write ``fig`` as PDF and PNG without the date and the program in the metadata, so that equal figures give equal bytes."""
    fig.dpi = dpi
    ticks.simplify(fig)
    _arrange(fig)
    # The canvases write the files directly, because savefig would draw the figure once more for each file.
    with atomic.replacing(pdf) as unfinished:
        FigureCanvasPdf(fig).print_pdf(unfinished, metadata={"CreationDate": None})
    fig.dpi = dpi
    with atomic.replacing(png) as unfinished:
        FigureCanvasAgg(fig).print_png(unfinished, metadata={"Software": None})


def _arrange(fig: Figure) -> None:
    """Compute the layout of the figure once for all files."""
    engine = fig.get_layout_engine()
    if engine is not None:
        engine.execute(fig)
        fig.set_layout_engine("none")


_registered: dict[str, str] = {}


def register(losses: Iterable[str]) -> None:
    """Choose the colours of the losses of a torch module by their order, so that all figures of a case have the same colours."""
    others = [name for name in losses if name not in FORMULATIONS]
    _registered.update(zip(others, itertools.cycle(_OTHER_COLOURS), strict=False))


def look(name: str) -> Look:
    """Colour and names of a formulation; the loss of a torch module appears under its own name."""
    if name in FORMULATIONS:
        return _LOOKS[FORMULATIONS[name]]
    label = name.replace("_", " ")
    return Look(_registered.get(name, OTHER_COLOUR), label, label if label.endswith("loss") else f"{label} loss")


def colour(formulation: str) -> str:
    """The colour of a formulation, the same in every figure."""
    return look(formulation).colour


def ordered(names: Iterable[str]) -> list[str]:
    """Each formulation once, in the order of all figures; unknown ones last."""
    return formulations.ordered({str(name) for name in names})


def formulation_label(name: str) -> str:
    """The name of a formulation in figures."""
    return look(name).label


def loss_label(name: str) -> str:
    """The name of the loss of a formulation in figures; an energy is shown as a gap wherever its minimum is known."""
    return look(name).loss


def term_colour(index: int) -> str:
    """The colour of a term of a loss, by its position among the terms."""
    return _TERM_COLOURS[index % len(_TERM_COLOURS)]


def term_label(name: str) -> str:
    """The name of a term in figures, without that of its loss: ``initial`` for ``strong-form/initial``."""
    return name.rpartition("/")[2].replace("_", " ")


def case_label(name: str) -> str:
    """The name of a case in figures: that of its problem."""
    return _PROBLEM_LABELS.get(name, name)


def checkpoint_label(name: str) -> str:
    """The name of a checkpoint in figures."""
    return _CHECKPOINT_LABELS.get(name, f"{name} point")


def title(datasets: Iterable[Any], text: str) -> str:
    """A title of the case of ``datasets`` and ``text``; without a case, as in notebooks, ``text`` alone."""
    case = str(next(iter(datasets)).attrs["case"])
    return f"{case_label(case)}: {text}" if case else f"{text[:1].upper()}{text[1:]}"


def number(value: float, digits: int = 2) -> str:
    """``value`` for a label: in plain notation if that is short, otherwise with a power of ten in mathtext."""
    if not math.isfinite(value):
        return "not finite"
    exponent = int(f"{value:e}".split("e")[1])
    if value == 0 or -3 < exponent < 4:
        return f"{float(f'{value:.{digits - 1}e}'):g}".replace("-", "−")
    mantissa, power = f"{value:.{digits - 1}e}".split("e")
    return rf"${mantissa}\times10^{{{int(power)}}}$"


def known_alone(data: xr.Dataset) -> str:
    """A note for a panel of spectra if only some eigenvalues are known; otherwise empty."""
    size = data.attrs.get("parameters", 0)
    return f"the largest of {size:,} eigenvalues" if data.sizes["eigen"] < size else ""
