"""The panels of the overview: which quantity of each technique tells the formulations apart, read off its file.

A panel is an entry of ``PANELS``. Its ``measure`` takes the file and a formulation and gives positions (n,), numbers or words, and values (seed, n);
everything else says how these are shown. Colours mean the formulation that trained the point, whose own loss is measured, except where a panel
compares losses at the same points.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import xarray as xr

from pinnscape.figures import overview_series as series
from pinnscape.figures import panels, style
from pinnscape.figures.overview_series import Series


@dataclass(frozen=True)
class Panel:
    """What a panel shows.

    Attributes:
        title: of the panel.
        quantity: what its vertical axis means, from the file.
        along: what its horizontal axis means, from the file where it has a unit; empty where words stand there.
        needs: variables without which there is nothing to show.
        measure: positions and values of one formulation.
        colours: the dimension that the colours are for, ``trained_on`` or ``loss``.
        scales: of both axes: linear, log, count (whole numbers), or steps (linear at the first few and logarithmic beyond).
        limits: of the vertical axis.
        levels: horizontal reference lines.
        marks: vertical lines in the colour of a formulation.
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
        """Whom the file has values of, in the order of every figure; nobody where a variable is missing or has no length."""
        if not all(name in data and data[name].size for name in self.needs):
            return []
        names = style.ordered(str(name) for name in data[self.colours].values)
        has_loss = any("loss" in data[name].dims for name in self.needs)
        return [name for name in names if not has_loss or name in data["loss"].values]


# In this order on the page; a file without an entry is left out.
PANELS: dict[str, Panel] = {
    "hessian": Panel(
        "Hessian spectrum", lambda d: r"$\lambda\,/\,\lambda_{\max}$, own loss, final point", "index, largest first",
        ("ratio",), series.hessian, scales=("linear", "log"),
    ),
    "sharpness": Panel(
        "Sharpness", lambda d: "own loss, final point", "", ("lambda_max", "trace", "lambda_max_filter"), series.sharpness,
        scales=("linear", "log"),
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
        "Interpolation", lambda d: "own gap / gap at the start", r"start (0) $\to$ end (1) of training", ("value",),
        series.interpolation, scales=("linear", "log"),
    ),
    "barriers": Panel(
        "Barriers", lambda d: "own barrier / gap at the start", "lines between two seeds", ("relative_barrier",), series.barriers,
        scales=("linear", "log"), levels=lambda d: [1.0],
    ),
    "curves": Panel(
        "Curved paths", lambda d: "own barrier / gap at the start", "paths between two seeds", ("relative_barrier",),
        series.curves, scales=("linear", "log"),
    ),
    "three_points": Panel(
        "Three-point planes", lambda d: "own pass / gap at the start", "plane through", ("seeds_pass", "physics_pass"),
        series.three_points, "loss", ("linear", "log"),
    ),
    "formulations": Panel(
        "Between the formulations", lambda d: "each gap / gap at the start", r"Deep Ritz (0) $\to$ strong form (1)",
        ("line_gap", "initial_gap"), series.formulations, "loss", ("linear", "log"),
    ),
    "goldilocks": Panel(
        "Goldilocks scan", lambda d: "share of positive eigenvalues", r"Euclidean norm $\|\theta\|$ (vertical: final points)",
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
        "Curvature map", lambda d: r"$-\lambda_{\min}\,/\,\lambda_{\max}$, median of ring", lambda d: panels.with_unit("distance", d),
        ("lambda_min", "lambda_max"), series.curvature_map, levels=lambda d: [0.0],
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
        "Critical points", lambda d: "share of the searches", "how a search ended", ("kind",), series.critical_points,
        limits=(-0.05, 1.05),
    ),
    "ntk": Panel(
        "Gauss–Newton remainder", lambda d: r"$|H-G|\,/\,|H|$, own loss", "point of training", ("remainder_share",), series.ntk,
        scales=("linear", "log"),
    ),
    "refinement": Panel(
        "Natural gradient", lambda d: f"$L^2$ error from the {series.first(d)}", "step", ("l2_error",), series.refinement,
        scales=("linear", "log"),
    ),
    "roughness_rules": Panel(
        "Quadrature rules", lambda d: f"roughness, {d['points'].values[0]} points a side", "quadrature rule",
        ("roughness_index", "reference_index"), series.roughness_rules,
    ),
    "topology": Panel(
        "Topology", lambda d: "minima of the own loss", "plane through the final point", ("minima",), series.topology,
        scales=("linear", "count"),
    ),
}  # fmt: skip
