"""What the files of directions and of surfaces hold. Torch is not needed."""

from collections.abc import Mapping
from dataclasses import replace

from pinnscape.files.description import File, Variable
from pinnscape.files.dimensions import PARAMETER

OF_DIRECTIONS = {  # copied from the directions to the surface
    "norm": Variable("axis", "Euclidean norm of the direction"),
    "quadrature_error": Variable((), "error of the energy gap at the final point by the quadrature rule"),
    "eigenvalue": Variable(
        "axis",
        "eigenvalue of the Hessian of the trained loss, the second derivative along the unit vector",
        only="Hessian planes",
    ),
    "curvature": Variable(
        "axis", "second derivative along the axis, eigenvalue times the squared norm of the direction", only="Hessian planes"
    ),
    "explained_variance": Variable("axis", "explained share of the squared distance from the final point", only="trajectory"),
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
        "origin": Variable("parameter", "the final point"),
        "direction": Variable(("axis", "parameter"), "direction"),
        "cosine": Variable((), "largest absolute cosine between two directions"),
        "theta": Variable(("snapshot", "parameter"), "parameters at the snapshot", only="trajectory"),
        **OF_DIRECTIONS,
    },
    {**PARAMETER, **_OF_AXES},
    """\
A point of the plane is origin + Σ coordinateᵢ · directionᵢ. The plane `random` has two orthogonal random directions. `trajectory` is the principal
plane of the snapshots through the final point (uncentred); its directions are orthonormal. The directions of `hessian-top` and `hessian-extreme` are
eigenvectors times ‖origin‖. `lines` is a bundle of independent random directions, with the dimension `line` in place of `axis`. The attributes `normalization` and `bias` say how random
directions are normalised; `axis_unit`, of surfaces too, says what a coordinate is a multiple of: `filter norms`, `layer norms`, `‖θ‖` (normalised by
the whole vector, and eigenvectors), `Gaussian vectors` (random directions that are not normalised), `Euclidean length` (orthonormal ones).""",
)
_GRID = ("alpha", "beta")
_SPECTRAL = "spectral surfaces"
SURFACE = File(
    "surface-{plane}.nc",
    {
        "value": Variable(("loss", *_GRID), "value of each loss"),
        "value_at_origin": Variable("loss", "value of each loss at the final point, coordinate 0: exact"),
        "h1_error_at_origin": Variable((), "relative H1 error at the final point: exact"),
        "energy_gap": Variable(_GRID, "energy above that of the exact solution under the same quadrature rule"),
        "l2_error": Variable(_GRID, "relative L2 error"),
        "h1_error": Variable(_GRID, "relative H1 error"),
        "infeasible": Variable(
            _GRID, "1 where the energy does not exist and the loss is NaN: det F <= 0 at a quadrature point"
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
        "range": Variable("field", "largest less smallest value", only=_SPECTRAL),
        "tail": Variable("field", "tail of the Chebyshev coefficients", only=_SPECTRAL),
        "misfit": Variable("field", "largest error at fresh random points and at the trained point", only=_SPECTRAL),
        "bound": Variable(
            "field",
            "bound of the error of the interpolant: four times the larger of tail and misfit, and what was added at the trained point; hardly ever "
            "exceeded anywhere on the surface. Values below it mean nothing",
            only=_SPECTRAL,
        ),
        "evaluations": Variable((), "points at which the losses were evaluated", only=_SPECTRAL),
        "solution_norm": Variable(
            (), "integral of the squared exact solution, which makes l2_error of the supervised loss", only=_SPECTRAL
        ),
    },
    {
        "loss": Variable("loss", "loss that is evaluated"),
        "alpha": Variable("alpha", "coordinate along direction 1, in the unit that the attribute axis_unit names"),
        "beta": Variable("beta", "coordinate along direction 2, in this unit"),
        **_OF_AXES,
        "field": Variable(
            "field", "what is interpolated: the three losses, and h1_square, the squared H1 error", only=_SPECTRAL
        ),
        "degree_alpha": Variable("degree_alpha", "degree in alpha", only=_SPECTRAL),
        "degree_beta": Variable("degree_beta", "degree in beta", only=_SPECTRAL),
        "end": Variable("end", "lower and upper end", only=_SPECTRAL),
    },
    """\
The attribute `method` says where the numbers come from:

- `chebyshev`: a spectral surface. The losses and the squared H¹ error were interpolated by Chebyshev polynomials to the tolerance `grid.tolerance` of
  their range, with the exact values at the trained point; values of squares that interpolation made negative are 0 on the grid and in pictures, not
  in the polynomials. The grid of a plane holds values of the interpolant, which `pinnscape.landscape.resampling` evaluates at any resolution
  (`interpolant(dataset)`, with exact derivatives and critical points). The grid of lines is evaluated point by point, the interpolants are for
  pictures.
- `grid`: every point was evaluated; `reason`, where it is there, says why a spectral surface did not converge (a loss that does not exist somewhere,
  too much structure).""",
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
    """The same for a bundle of lines, which has a line for each axis of a plane."""
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
        **{name: SURFACE.coordinates[name] for name in ("loss", "alpha", "field", "end")},
        "degree": Variable("degree", "degree in alpha; coefficients are padded with zeros", only=_SPECTRAL),
        **_LINE,
    },
)
