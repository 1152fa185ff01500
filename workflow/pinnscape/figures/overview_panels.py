"""The panels of the overview: for each technique, the quantity from its file that distinguishes the formulations.

A panel is an entry of ``PANELS``. Its ``measure`` maps the file and a formulation to positions (n,), numbers or words, and
values (seed, n); all other entries define how these are shown. A colour stands for the formulation that trained the point and
for its loss, except where a panel compares losses at the same points.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import xarray as xr

from pinnscape.figures import overview_series as series
from pinnscape.figures import panels, style
from pinnscape.figures.formulations import minimisers
from pinnscape.figures.overview_series import Series


@dataclass(frozen=True)
class Panel:
    """Contents and format of a panel.

    Attributes:
        title: title of the panel.
        quantity: function from the file to the label of the vertical axis.
        along: label of the horizontal axis, or a function from the file to it if the axis has a unit; empty if the positions
            are words.
        needs: variables that the panel requires.
        measure: function from the file and a formulation to positions and values.
        colours: dimension that is distinguished by colours, ``trained_on`` or ``loss``.
        scales: scales of both axes: linear, log, count (whole numbers), or steps (linear over the first few, logarithmic
            beyond).
        limits: limits of the vertical axis.
        levels: function from the file to the positions of horizontal reference lines.
        marks: function from the file and a formulation to the position of a vertical line in the colour of the formulation.
    """

    title: str
    quantity: Callable[[xr.Dataset], str]
    along: str | Callable[[xr.Dataset], str]
    needs: tuple[str, ...]
    measure: Callable[[xr.Dataset, str], Series]
    colours: str = "trained_on"
    scales: tuple[str, str] = ("linear", "linear")
    limits: tuple[float, float] | None = None
    levels: Callable[[xr.Dataset], list[float]] = lambda data: []
    marks: Callable[[xr.Dataset, str], float] = lambda data, name: np.nan

    def names(self, data: xr.Dataset) -> list[str]:
        """The formulations with values in the file, in the order of all figures; none if a variable is missing or empty."""
        if not all(name in data and data[name].size for name in self.needs):
            return []
        names = style.ordered(str(name) for name in data[self.colours].values)
        has_loss = any("loss" in data[name].dims for name in self.needs)
        return [name for name in names if not has_loss or name in data["loss"].values]


_REFINED = {"l2_error": "$L^2$ error", "gap": "gap"}

# The panels in the order of the page; a file without an entry is left out.
PANELS: dict[str, Panel] = {
    "hessian": Panel(
        "Hessian spectrum", lambda d: r"$\lambda\,/\,\lambda_{\max}$ at the final point", "index, largest first",
        ("ratio",), series.hessian, scales=("linear", "log"),
    ),
    "sharpness": Panel(
        "Sharpness", lambda d: "at the final point", "", ("lambda_max", "trace", "lambda_max_filter"), series.sharpness,
        scales=("linear", "log"),
    ),
    "noise": Panel(
        "Noise", lambda d: r"tr Cov($g_b$) / $|g|^2$", "point of training", ("noise_scale",), series.noise,
        scales=("linear", "log"), levels=lambda d: [1.0],
    ),
    "basin": Panel(
        "Basin", lambda d: "share of rays outside", "Euclidean distance along rays", ("radius",), series.basin,
        scales=("log", "linear"), limits=(-0.03, 1.03),
    ),
    "zoom": Panel(
        "Zoom", lambda d: "convex share of the plane", lambda d: panels.with_unit("radius", d), ("convex_share",), series.zoom,
        scales=("log", "linear"), limits=(-0.03, 1.03),
    ),
    "interpolation": Panel(
        "Interpolation", lambda d: "gap / initial gap", r"start (0) $\to$ end (1) of training", ("value",),
        series.interpolation, scales=("linear", "log"),
    ),
    "barriers": Panel(
        "Barriers", lambda d: "barrier / initial gap", "lines between two seeds", ("relative_barrier",), series.barriers,
        scales=("linear", "log"), levels=lambda d: [1.0],
    ),
    "curves": Panel(
        "Curved paths", lambda d: "barrier / initial gap", "paths between two seeds", ("relative_barrier",),
        series.curves, scales=("linear", "log"),
    ),
    "three_points": Panel(
        "Three-point planes", lambda d: "pass / initial gap", "plane through", ("seeds_pass", "physics_pass"),
        series.three_points, "loss", ("linear", "log"),
    ),
    "formulations": Panel(
        "Between the formulations", lambda d: "each gap / initial gap",
        lambda d: r"{} (0) $\to$ {} (1)".format(*minimisers(d)),
        ("line_gap", "initial_gap"), series.formulations, "loss", ("linear", "log"),
    ),
    "goldilocks": Panel(
        "Goldilocks scan", lambda d: "share of positive eigenvalues", r"norm $\|\theta\|$ (vertical: final points)",
        ("positive_share", "radius"), series.goldilocks, "loss", ("log", "linear"), levels=lambda d: [0.5], marks=series.norm,
    ),
    "trajectory_geometry": Panel(
        "Trajectory", lambda d: r"cosine of $g$ and $\theta-\theta_*$", "optimisation step", ("step", "cosine"),
        series.trajectory_geometry, scales=("steps", "linear"), levels=lambda d: [0.0],
    ),
    "gradient_subspace": Panel(
        "Gradient subspace", lambda d: rf"share of $|g|^2$ in the top {d['k'].values[-1] if d['k'].size else ''}",
        "optimisation step", ("step", "share"), series.gradient_subspace, scales=("steps", "linear"), limits=(-0.03, 1.03),
    ),
    "stability": Panel(
        "Edge of stability", lambda d: rf"$\lambda_{{\max}}\eta/2$, started at {series.fraction(d):g}", "gradient descent step",
        ("gd_sharpness", "gd_rate"), series.stability, limits=(0.0, 2.0), levels=lambda d: [1.0],
    ),
    "curvature_map": Panel(
        "Curvature map", lambda d: r"$-\lambda_{\min}\,/\,\lambda_{\max}$, median over ring",
        lambda d: panels.with_unit("distance", d), ("lambda_min", "lambda_max"), series.curvature_map, levels=lambda d: [0.0],
    ),
    "intrinsic_dimension": Panel(
        "Intrinsic dimension", lambda d: "relative $L^2$ error", "dimension of the subspace", ("l2_error",),
        series.intrinsic_dimension, scales=("log", "log"), levels=lambda d: [float(level) for level in d["level"].values],
    ),
    "learning_coefficient": Panel(
        "Learning coefficient", lambda d: "local, at the final point", r"inverse temperature $n\beta$",
        ("learning_coefficient", "left"), series.learning_coefficient, scales=("log", "linear"),
    ),
    "critical_points": Panel(
        "Critical points", lambda d: "share of the searches", "outcome of a search", ("kind",), series.critical_points,
        limits=(-0.05, 1.05),
    ),
    "ntk": Panel(
        "Gauss–Newton split", lambda d: r"$|H-G|\,/\,|H|$", "point of training", ("remainder_share",), series.ntk,
        scales=("linear", "log"),
    ),
    "refinement": Panel(
        "Natural gradient", lambda d: f"{_REFINED[series.refined(d)]} from the {series.first(d)}", "step", ("l2_error",), series.refinement,
        scales=("linear", "log"),
    ),
    "roughness_rules": Panel(
        "Quadrature rules", lambda d: f"roughness, {d['points'].values[0]} points per side", "quadrature rule",
        ("roughness_index", "reference_index"), series.roughness_rules,
    ),
    "topology": Panel(
        "Topology", lambda d: "number of minima", "plane through the final point", ("minima",), series.topology,
        scales=("linear", "count"),
    ),
}  # fmt: skip
