"""Losses on planes and lines through parameter space, for interactive use."""

from typing import Any

import xarray as xr
from torch import Tensor

from pinnscape.config.section import Section, in_default_study
from pinnscape.config.sections import DirectionSettings, GridSettings, PlaneGrid, RadiusSettings, SpectrumSettings
from pinnscape.curvature.files import eigenvalues_dataset, hessian_dataset
from pinnscape.files.pieces import compute
from pinnscape.interactive import points
from pinnscape.interactive.points import family as _family
from pinnscape.interactive.points import name_of as _name
from pinnscape.interactive.points import point as _point
from pinnscape.interactive.settings import settings_of
from pinnscape.landscape import files
from pinnscape.landscape.evaluation import SliceEvaluation
from pinnscape.landscape.surfaces import Slice
from pinnscape.losses.module import ModuleLosses
from pinnscape.losses.objective import Losses, Objective, tensor

KINDS = ("random", "trajectory", "hessian-top", "hessian-extreme")


def _default(section: type[Section], key: str) -> Any:
    return in_default_study(section.model_fields[key])


def plane(
    objective: Objective,
    theta: Any,
    *,
    kind: str = "random",
    radius: float | None = None,
    points: int = _default(GridSettings, "points"),
    tolerance: float | None = None,
    normalization: str = _default(DirectionSettings, "normalization"),
    bias: str = _default(DirectionSettings, "bias"),
    margin: float = _default(GridSettings, "margin"),
    seed: int = 0,
) -> xr.Dataset:
    """All losses of a problem or module on a plane through a point.

    Args:
        objective: a loss.
        theta: the point: an array (P,), a module or its ``state_dict``; for the kind ``trajectory``, the snapshots (n, P) of a
            training, or its dataset.
        kind: ``random`` (filter-normalised random directions; Li et al. 2018, sec. 4), ``trajectory`` (principal plane of the
            snapshots), ``hessian-top`` (eigenvectors of the two largest eigenvalues) or ``hessian-extreme`` (of the largest and
            the smallest one).
        radius: half width of the plane, in multiples of the norms of the filters, or of ‖theta‖ for Hessian planes.
        points: number of grid points along each axis; must be odd.
        tolerance: largest error of the interpolant, relative to its range; with 0, every grid point is evaluated. By default
            1e-5, or 0 for modules in single precision.
        normalization: parts that are scaled: ``filter``, ``layer``, ``global`` or ``none``.
        bias: biases of the directions: ``row``, ``own`` or ``zero``.
        margin: extension of a trajectory plane beyond the snapshots, as a fraction of their extent.
        seed: seed of the random directions.

    Returns:
        The variables of surface-{kind}.nc: ``value`` (loss, alpha, beta), errors, and the coefficients of the interpolant.

    Raises:
        ValueError: an argument is invalid, or the snapshots do not span a plane.
    """
    if kind not in KINDS:
        raise ValueError(f"`kind` must be one of {', '.join(KINDS)}, not {kind!r}")
    _check_odd("points", points)
    found = _directions(
        objective, theta, kind, settings_of(DirectionSettings, {"normalization": normalization, "bias": bias}), seed
    )
    half = RadiusSettings().of_plane(kind) if radius is None and kind != "trajectory" else radius or 0.0
    grid = PlaneGrid(tolerance=_tolerance(objective, tolerance), points=points, radius=half, margin=margin)
    return _surface(objective, kind, found, grid, seed)


def lines(
    objective: Objective,
    theta: Any,
    *,
    count: int = _default(DirectionSettings, "lines"),
    radius: float = _default(RadiusSettings, "lines"),
    points: int = _default(GridSettings, "line_points"),
    tolerance: float | None = None,
    normalization: str = _default(DirectionSettings, "normalization"),
    bias: str = _default(DirectionSettings, "bias"),
    seed: int = 0,
) -> xr.Dataset:
    """All losses of a problem or module along random lines through a point.

    Args:
        objective: a loss.
        theta: the point: an array (P,), a module or its ``state_dict``.
        count: number of lines.
        radius: half length of the lines, in multiples of the norms of the filters.
        points: number of points on each line; must be odd.
        tolerance: largest error of the interpolants; see ``plane``.
        normalization: parts that are scaled: ``filter``, ``layer``, ``global`` or ``none``.
        bias: biases of the directions: ``row``, ``own`` or ``zero``.
        seed: seed of the random directions.

    Returns:
        The variables of surface-lines.nc, such as ``value`` (loss, line, alpha).

    Raises:
        ValueError: an argument is invalid.
    """
    _check_odd("points", points)
    settings = settings_of(DirectionSettings, {"normalization": normalization, "bias": bias, "lines": count})
    found = _directions(objective, theta, "lines", settings, seed)
    grid = PlaneGrid(tolerance=_tolerance(objective, tolerance), line_points=points, radius=radius)
    return _surface(objective, "lines", found, grid, seed)


def volume(
    objective: Objective,
    theta: Any,
    *,
    radius: float = _default(RadiusSettings, "random"),
    points: int = 21,
    normalization: str = _default(DirectionSettings, "normalization"),
    bias: str = _default(DirectionSettings, "bias"),
    seed: int = 0,
) -> xr.Dataset:
    """All losses of a problem or module in a cube around a point, spanned by three random directions, for isosurfaces.

    Args:
        objective: a loss.
        theta: the point: an array (P,), a module or its ``state_dict``.
        radius: half width of the cube, in multiples of the norms of the filters.
        points: number of points along each of the three axes; must be odd. The losses are evaluated at all points³ points.
        normalization: parts that are scaled: ``filter``, ``layer``, ``global`` or ``none``.
        bias: biases of the directions: ``row``, ``own`` or ``zero``.
        seed: seed of the random directions.

    Returns:
        A dataset with ``value`` (loss, alpha, beta, gamma), ``value_at_origin`` and the directions.

    Raises:
        ValueError: an argument is invalid.
    """
    from pinnscape.landscape.volume import dataset

    _check_odd("points", points)
    settings = settings_of(DirectionSettings, {"normalization": normalization, "bias": bias})
    found = dataset(_family(objective), _point(objective, theta), radius, points, settings, seed)
    return found.assign_attrs(stage="volume", trained_on=_name(objective), seed=seed)


def _directions(objective: Objective, theta: Any, kind: str, settings: DirectionSettings, seed: int) -> xr.Dataset:
    if kind == "trajectory":
        thetas, steps = points.snapshots(objective, theta), points.steps(theta)
        training = points.training(objective, thetas, steps)
        return files.trajectory_directions(points.checkpoints(objective, training, seed), training)
    at = points.point(objective, theta)
    checkpoints = points.checkpoints(objective, points.training(objective, at[None]), seed)
    if kind in ("random", "lines"):
        return files.random_directions(kind, checkpoints, settings)
    own = SpectrumSettings().model_copy(update={"extremes": 2})
    spectrum = hessian_dataset({points.name_of(objective): eigenvalues_dataset(objective, at, own, seed)})
    return files.hessian_directions(kind, checkpoints, spectrum)


def _surface(objective: Objective, kind: str, found: xr.Dataset, grid: PlaneGrid, seed: int) -> xr.Dataset:
    family = points.family(objective)
    axes, places = files.coordinates(kind, found, grid)
    origin, rows = (tensor(found[name].values, family.device) for name in ("origin", "direction"))
    evaluation = SliceEvaluation(Slice(family, origin, rows, kind), axes, places, grid.tolerance, seed)
    measured, variables, method = evaluation.measured(compute(evaluation.pieces()))
    dataset = files.surface_dataset(found, axes, measured, family).assign(variables)
    if kind == "trajectory":
        dataset = dataset.assign(_along(family, origin, rows, found))
    owner = {"stage": "surfaces", "trained_on": points.name_of(objective), "seed": seed}
    return files.finished(dataset.assign_attrs(method | owner))


def _along(family: Losses, origin: Tensor, rows: Tensor, found: xr.Dataset) -> dict[str, tuple]:
    """Losses at the snapshots and at their projections onto the plane."""
    thetas = tensor(found["theta"].values, family.device)
    true = {name: values.cpu().numpy() for name, values in family.measure(thetas).items()}
    projected = Slice(family, origin, rows).measure(found["trajectory"].values)
    return files.trajectory_losses(true, projected, family.losses)


def _tolerance(objective: Objective, given: float | None) -> float:
    if given is not None:
        return given
    family = points.family(objective)
    rough = isinstance(family, ModuleLosses) and family.flat.single
    return 0.0 if rough else _default(GridSettings, "tolerance")


def _check_odd(name: str, number: int) -> None:
    if number < 3 or number % 2 == 0:
        raise ValueError(f"`{name}` must be odd and at least 3, so that the point itself is one of them, not {number}")
