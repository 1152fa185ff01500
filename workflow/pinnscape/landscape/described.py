"""Content of the files of directions and of surfaces. This module does not need torch."""

from collections.abc import Mapping
from dataclasses import replace

from pinnscape.files.description import File, Variable
from pinnscape.files.dimensions import PARAMETER

OF_DIRECTIONS = {  # variables that are copied from the directions to the surface
    "norm": Variable("axis", "Euclidean norm of the direction"),
    "quadrature_error": Variable((), "quadrature error of the energy gap at the final point"),
    "eigenvalue": Variable(
        "axis",
        "eigenvalue of the Hessian of the training loss, which is the second derivative along the unit eigenvector",
        only="Hessian planes",
    ),
    "curvature": Variable(
        "axis",
        "second derivative in the coordinate along the direction: eigenvalue times the squared norm of the direction",
        only="Hessian planes",
    ),
    "explained_variance": Variable(
        "axis", "share of the squared distances from the final point that the direction explains", only="trajectory"
    ),
    "trajectory": Variable(("snapshot", "axis"), "coordinates of the snapshot in the plane", only="trajectory"),
    "distance": Variable("snapshot", "Euclidean distance of the snapshot from the plane", only="trajectory"),
    "snapshot_step": Variable("snapshot", "optimisation step of the snapshot", only="trajectory"),
}
_OF_AXES = {
    "axis": Variable("axis", "index of the direction"),
    "snapshot": Variable("snapshot", "index of the snapshot", only="trajectory"),
}
DIRECTIONS = File(
    "directions-{plane}.nc",
    {
        "origin": Variable("parameter", "parameters at the final point"),
        "direction": Variable(("axis", "parameter"), "direction"),
        "cosine": Variable((), "largest absolute cosine between two directions"),
        "theta": Variable(("snapshot", "parameter"), "parameters at the snapshot", only="trajectory"),
        **OF_DIRECTIONS,
    },
    {**PARAMETER, **_OF_AXES},
    """\
A point of the plane is origin + Σ coordinateᵢ · directionᵢ. The plane `random` has two orthogonal random directions.
`trajectory` is the principal plane of the snapshots through the final point (uncentred); its directions are orthonormal. The
directions of `hessian-top` and `hessian-extreme` are eigenvectors times ‖origin‖. `lines` is a bundle of independent random
directions, with the dimension `line` in place of `axis`. The attributes `normalization` and `bias` state how random directions
are normalised. The attribute `axis_unit`, which surfaces have too, is the unit of the coordinates: `filter norms`, `layer
norms`, `‖θ‖` (directions normalised as a whole vector, and eigenvectors), `Gaussian vectors` (random directions that are not
normalised), or `Euclidean length` (orthonormal directions).""",
)
_GRID = ("alpha", "beta")
_SPECTRAL = "spectral surfaces"
_TERMS = "losses of several terms"
_MEASURES = "modules with further measures"
SURFACE = File(
    "surface-{plane}.nc",
    {
        "value": Variable(("loss", *_GRID), "value of each loss"),
        "value_at_origin": Variable("loss", "value of each loss at the final point (coordinate 0), without interpolation"),
        "l2_error_at_origin": Variable((), "relative L2 error at the final point, without interpolation"),
        "h1_error_at_origin": Variable((), "relative H1 error at the final point, without interpolation"),
        "term_value": Variable(("term", *_GRID), "value of each term of the losses, with its weight", only=_TERMS),
        "term_value_at_origin": Variable("term", "value of each term at the final point, without interpolation", only=_TERMS),
        "further": Variable(("measure", *_GRID), "further measure, such as an accuracy", only=_MEASURES),
        "energy_gap": Variable(_GRID, "excess of the energy over that of the exact solution under the same quadrature rule"),
        "l2_error": Variable(_GRID, "relative L2 error"),
        "h1_error": Variable(_GRID, "relative H1 error"),
        "infeasible": Variable(
            _GRID,
            "1 where the energy does not exist at a quadrature point (elastic problem: det F <= 0), so that the loss is NaN",
        ),
        "energy_minimum": Variable((), "energy of the exact solution under the quadrature rule"),
        **OF_DIRECTIONS,
        "trajectory_loss": Variable(("loss", "snapshot"), "loss at the snapshot", only="trajectory"),
        "projected_loss": Variable(
            ("loss", "snapshot"), "loss at the projection of the snapshot onto the plane", only="trajectory"
        ),
        "coefficient": Variable(
            ("field", "degree_alpha", "degree_beta"), "Chebyshev coefficient in coordinates scaled to [-1, 1]", only=_SPECTRAL
        ),
        "domain": Variable(("axis", "end"), "interval of the coordinate along the axis", only=_SPECTRAL),
        "range": Variable("field", "difference between the largest and the smallest value", only=_SPECTRAL),
        "tail": Variable("field", "error estimate from the tail of the Chebyshev coefficients", only=_SPECTRAL),
        "misfit": Variable("field", "largest error at independent random points and at the trained point", only=_SPECTRAL),
        "bound": Variable(
            "field",
            "estimated bound of the error of the interpolant: four times the larger of tail and misfit, plus the correction "
            "at the trained point; hardly ever exceeded anywhere on the surface. Values below it are not significant",
            only=_SPECTRAL,
        ),
        "evaluations": Variable((), "number of points at which the losses were evaluated", only=_SPECTRAL),
        "solution_norm": Variable(
            (), "mean of the squared solution, from which l2_error follows with the supervised loss", only=_SPECTRAL
        ),
    },
    {
        "loss": Variable("loss", "loss that is evaluated"),
        "term": Variable("term", "term of a loss, named loss/term such as strong-form/interior", only=_TERMS),
        "measure": Variable("measure", "name of the measure", only=_MEASURES),
        "alpha": Variable("alpha", "coordinate along direction 1, in the unit given by the attribute axis_unit"),
        "beta": Variable("beta", "coordinate along direction 2, in the same unit"),
        **_OF_AXES,
        "field": Variable(
            "field",
            "interpolated field: the losses, their terms, and the squared relative errors l2_square and h1_square",
            only=_SPECTRAL,
        ),
        "degree_alpha": Variable("degree_alpha", "degree in alpha", only=_SPECTRAL),
        "degree_beta": Variable("degree_beta", "degree in beta", only=_SPECTRAL),
        "end": Variable("end", "lower and upper end", only=_SPECTRAL),
    },
    """\
The attribute `method` states how the values were computed:

- `chebyshev`: a spectral surface. The losses and the squared H¹ error were interpolated by Chebyshev polynomials to the
  tolerance `grid.tolerance` relative to their range, and agree with the computed values at the trained point. Squares that are
  negative by interpolation are set to 0 on the grid and in figures, but not in the polynomials. The grid of a plane contains
  values of the interpolant, which `pinnscape.landscape.resampling` evaluates at any resolution (`interpolant(dataset)`). The
  grid of lines was evaluated point by point; interpolants of lines are used in figures only.
- `grid`: every point was evaluated. If a spectral surface was tried, the attribute `reason` states why it did not converge (a
  loss that does not exist somewhere, or too much structure).""",
)
_LINES = {
    "alpha": ("line", "alpha"),
    "beta": (),
    "axis": ("line",),
    "field": ("line", "field"),
    "degree_alpha": ("degree",),
    "degree_beta": (),
}


def _of_lines(variables: Mapping[str, Variable]) -> dict[str, Variable]:
    """The corresponding variables of a bundle of lines, with the dimension ``line`` in place of ``axis``."""
    kept = {
        name: v
        for name, v in variables.items()
        if v.only not in ("trajectory", "Hessian planes") and v.axes not in (("beta",), ("degree_beta",))
    }
    return {name: replace(v, dims=tuple(d for dim in v.axes for d in _LINES.get(dim, (dim,)))) for name, v in kept.items()}


_LINE = {"line": Variable("line", "index of the line")}
LINE_DIRECTIONS = File("directions-lines.nc", _of_lines(DIRECTIONS.variables), {**PARAMETER, **_LINE})
LINES = File(
    "surface-lines.nc",
    {**_of_lines(SURFACE.variables), "domain": Variable("end", "interval of the coordinate alpha", only=_SPECTRAL)},
    {
        **{name: SURFACE.coordinates[name] for name in ("loss", "term", "measure", "alpha", "field", "end")},
        "degree": Variable("degree", "degree in alpha; coefficients are padded with zeros", only=_SPECTRAL),
        **_LINE,
    },
)
