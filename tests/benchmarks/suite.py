"""The benchmarks against other packages. Each checks first that both sides compute the same, and then times them in turn."""

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import numpy as np
from benchmarks import ours
from benchmarks.client import Client
from benchmarks.rows import Row, alternate, disagreement, relative
from benchmarks.worker import Job, timed

from pinnscape.curvature import dense
from pinnscape.figures import style
from pinnscape.losses.objective import tensor

PHYSICS = ("strong-form", "deep-ritz")
LOSSLANDSCAPES, PYHESSIAN, EIGENTHINGS, DEEPXDE = "loss-landscapes", "pyhessian", "hessian-eigenthings", "deepxde"

# The planes reach as far as theta is long, like the random planes of the default study: this package divides the norm by `distance`.
GRID, PICTURE, DISTANCE = 51, 201, 0.5
# Of the picture: so many rows are timed of the peer, and so far may ours be off, as a fraction of the range.
ROWS, ERROR = 4, 1e-5
# Asked of the interpolant, which estimates its error, as in the default study.
TOLERANCE = ERROR
VECTORS = 10
PROBES, STEPS, DENSITY_POINTS = 4, 50, 10_000
COUNT, EIGEN_TOLERANCE = 10, 1e-6
SMALL = 8  # width of the network that has a dense Hessian
ADAM_STEPS, RATE = 1000, 1e-3


def setting(
    problem: str = "poisson2d", formulation: str = "strong-form", rule: str = "gauss-legendre", width: int = ours.WIDTH
) -> dict[str, Any]:
    """What the peers need to build the same loss, at trained parameters: settings and arrays for a job."""
    d = ours.discretized(problem, rule, width=width)
    settings = {"problem": problem, "formulation": formulation, "width": width, "depth": ours.DEPTH}
    return {"settings": settings, "arrays": ours.at_points(d, formulation) | {"theta": ours.trained(problem, width)}}


class Duel:
    """A job of ours against one of a worker.

    Args:
        client: the worker.
        repeats: how often each side is timed, at most.
    """

    def __init__(self, client: Client, repeats: int) -> None:
        self._client, self._repeats = client, repeats

    def prepare(self, job: str, made: dict[str, Any], arrays: dict[str, np.ndarray] | None = None, **settings: Any) -> None:
        """Make a job of the peer ready."""
        self._client.prepare(job, made["settings"] | settings, **made["arrays"], **(arrays or {}))

    def result(self) -> dict[str, np.ndarray]:
        """Do the peer's job once, untimed."""
        self._client.seconds()
        return self._client.result()

    def row(self, benchmark: str, job: Job, package: str, target: float, scale: float = 1.0, **rest: Any) -> Row:
        """Time ``job`` against the job that the worker has ready, whose seconds are multiplied by ``scale``."""
        mine, theirs = alternate(lambda: timed(job)[0], self._client.seconds, self._repeats)
        theirs *= scale
        version = self._client.version(package)
        return Row(benchmark, mine, package, version, theirs, theirs / mine, f">= {target:g}", **rest)


# ---- surfaces ----


def visited(thetas: np.ndarray, steps: int) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray], np.ndarray]:
    """The plane of loss-landscapes from the parameters that it visited, at least three rows.

    It goes forth and back: even rows from 1 to ``steps``, odd rows from ``steps`` - 1 to 0, each in units of a step, and its centre is at
    ``steps`` / 2 along both axes.

    Args:
        thetas: (rows · steps, P), in the order of the visits.
        steps: points along an axis.

    Returns:
        directions (2, P) that reach from the centre to the edge; the axes of the even rows; coordinates of the visits (rows · steps, 2).
    """
    rows, half = len(thetas) // steps, steps / 2
    last = rows - 1 if rows % 2 else rows - 2  # even rows alone begin at the same place
    first = (thetas[last * steps] - thetas[0]) / last
    second = (thetas[steps - 1] - thetas[0]) / (steps - 1)
    i, j = np.divmod(np.arange(len(thetas)), steps)
    coordinates = np.stack([i, np.where(i % 2 == 0, j + 1, steps - 1 - j)], -1)
    axes = (np.arange(steps) / half - 1.0, (np.arange(steps) + 1) / half - 1.0)
    return np.stack([first, second]) * half, axes, coordinates / half - 1.0


def grids(duel: Duel) -> Iterator[Row]:
    """A plain grid of each physics loss."""
    for formulation in PHYSICS:
        made, plane = setting(formulation=formulation), {"steps": GRID, "distance": DISTANCE, "rows": GRID}
        duel.prepare("plane", made, record=True, **plane)
        found = duel.result()
        directions, _, coordinates = visited(found["thetas"], GRID)
        job = ours.grid(ours.trained(), directions, coordinates, formulation)
        agreement = relative(job()[formulation], found["losses"])
        duel.prepare("plane", made, record=False, **plane)
        note = "the same plane on both sides"
        yield duel.row(
            f"grid {GRID}×{GRID}, {style.formulation_label(formulation)}",
            job,
            LOSSLANDSCAPES,
            5,
            agreement=agreement,
            allowed=1e-10,
            note=note,
        )


def pictures(duel: Duel) -> Iterator[Row]:
    """A fine picture of each physics loss, checked against all of the plain grid."""
    plane = {"steps": PICTURE, "distance": DISTANCE}
    duel.prepare("plane", setting(), rows=3, record=True, **plane)
    directions, axes, _ = visited(duel.result()["thetas"], PICTURE)
    jobs = {f: ours.picture(ours.trained(), directions, axes, f, TOLERANCE) for f in PHYSICS}
    exact = ours.grid(ours.trained(), directions, np.stack(np.meshgrid(*axes, indexing="ij"), -1))()
    for formulation, job in jobs.items():
        found = job()
        agreement = np.abs(found["losses"] - exact[formulation]).max() / np.ptp(exact[formulation])
        duel.prepare("plane", setting(formulation=formulation), rows=ROWS, record=False, **plane)
        note = f"peer: {ROWS} rows timed, scaled to {PICTURE}; ours: {found['evaluations']} evaluations; error as a fraction of the range"
        yield duel.row(
            f"picture {PICTURE}×{PICTURE}, {style.formulation_label(formulation)}",
            job,
            LOSSLANDSCAPES,
            100,
            scale=PICTURE / ROWS,
            agreement=float(agreement),
            allowed=ERROR,
            note=note,
        )


# ---- curvature ----


def products(duel: Duel) -> Iterator[Row]:
    """Hessian-vector products of the strong form, one at a time and all together."""
    for problem in ("poisson2d", "neo_hookean2d"):
        made = setting(problem)
        vectors = np.random.default_rng(2).standard_normal((VECTORS, len(ours.trained(problem))))
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        for job, package, target in (("pyhessian_products", PYHESSIAN, 3), ("eigenthings_products", EIGENTHINGS, 6)):
            duel.prepare(job, made, {"vectors": vectors})
            found = duel.result()["products"]
            for together in (False, True):
                mine = ours.products(problem, vectors, together)
                name = f"{VECTORS} Hessian products {'together' if together else 'one by one'}, {style.case_label(problem)}"
                agreement = disagreement(mine()["products"], found)
                note = "peer: without its forward pass and gradient" if package == PYHESSIAN else ""
                yield duel.row(name, mine, package, target, agreement=agreement, allowed=1e-10, note=note)


def densities(duel: Duel) -> Iterator[Row]:
    """Spectral densities: with given start vectors v, the first two moments of a quadrature are the means of vᵀHv and |Hv|²."""
    sizes = {"probes": PROBES, "steps": STEPS, "grid_points": DENSITY_POINTS}
    duel.prepare("eigenthings_density", setting(width=SMALL), **sizes)
    agreement = max(_moments(found, _small_hessian()) for found in (ours.spectrum(**sizes, width=SMALL)(), duel.result()))
    duel.prepare("eigenthings_density", setting(), **sizes)
    job = ours.spectrum(**sizes)
    job()
    duel.result()
    name = f"spectral density, {PROBES} probes of {STEPS} steps"
    note = (
        "agreement: first two moments with those of the same probes and a dense Hessian, on a smaller network, the worse side"
    )
    yield duel.row(name, job, EIGENTHINGS, 5, agreement=agreement, allowed=1e-10, note=note)


def _moments(found: dict[str, np.ndarray], hessian: np.ndarray) -> float:
    starts = found["starts"] / np.linalg.norm(found["starts"], axis=1, keepdims=True)
    images = starts @ hessian
    expected = np.array([(starts * images).sum(1).mean(), (images**2).sum(1).mean()])
    return relative(np.array([found["weights"] @ found["nodes"] ** k for k in (1, 2)]), expected)


def eigenpairs(duel: Duel) -> Iterator[Row]:
    """The largest eigenpairs, and those at both ends."""
    wanted, hessian = {"count": COUNT, "tolerance": EIGEN_TOLERANCE}, _small_hessian()
    for name, ends in (("largest {} eigenpairs", ["LA"]), ("{} eigenpairs at each end", ["LA", "SA"])):
        kept, both = COUNT * len(ends), len(ends) > 1
        job, small = ours.eigenpairs(**wanted, smallest=both), ours.eigenpairs(**wanted, smallest=both, width=SMALL)()
        duel.prepare("eigenthings_pairs", setting(width=SMALL), ends=ends, **wanted)
        on_small = max(_accuracy(found, hessian, kept) for found in (small, duel.result()))
        duel.prepare("eigenthings_pairs", setting(), ends=ends, **wanted)
        mine, theirs = job(), duel.result()
        agreement = max(on_small, disagreement(mine["values"][:kept], theirs["values"]))
        theirs_steps = " and ".join(map(str, theirs["steps"]))
        note = (
            f"{mine['steps']} steps of ours; {theirs_steps} of the peer's, found beforehand; agreement: between the sides, "
            "and values and residuals with a dense Hessian on a smaller network"
        )
        rest = {"agreement": agreement, "allowed": EIGEN_TOLERANCE, "note": note}
        yield duel.row(f"{name.format(COUNT)} to {EIGEN_TOLERANCE:g}", job, EIGENTHINGS, 5, **rest)


def _accuracy(found: dict[str, np.ndarray], hessian: np.ndarray, kept: int) -> float:
    """Largest error of an eigenvalue or residual of an eigenpair, relative to the largest eigenvalue."""
    values, vectors = found["values"][:kept], found["vectors"][:kept]
    exact = np.linalg.eigvalsh(hessian)[::-1]
    exact = exact[:COUNT] if kept == COUNT else np.concatenate([exact[:COUNT], exact[-COUNT:]])
    residuals = np.linalg.norm(vectors @ hessian - values[:, None] * vectors, axis=1)
    return max(disagreement(values, exact), float(residuals.max() / exact.max()))


@cache
def _small_hessian() -> np.ndarray:
    return dense.hessian(ours.objective(width=SMALL), tensor(ours.trained(width=SMALL))).numpy()


# ---- training ----


def training(duel: Duel) -> Iterator[Row]:
    """Adam from the same start with the same points."""
    made, run = setting(rule="uniform"), {"steps": ADAM_STEPS, "rate": RATE}
    # From trained parameters, Adam soon jumps at the edge of stability, and rounding alone tells two runs apart.
    made["arrays"]["theta"] = ours.initial()
    duel.prepare("deepxde_adam", made, log_every=10, **run)
    agreement = relative(ours.adam(**run, log_every=10)()["losses"], duel.result()["losses"])
    duel.prepare("deepxde_adam", made, log_every=ADAM_STEPS, **run)
    job = ours.adam(**run, log_every=ADAM_STEPS)
    note = "equal weights; agreement: of the losses at every tenth step"
    yield duel.row(f"{ADAM_STEPS} steps of Adam", job, DEEPXDE, 3, agreement=agreement, allowed=1e-8, note=note)


BENCHMARKS: dict[str, Callable[[Duel], Iterator[Row]]] = {
    "grid": grids,
    "picture": pictures,
    "products": products,
    "density": densities,
    "eigenpairs": eigenpairs,
    "adam": training,
}
