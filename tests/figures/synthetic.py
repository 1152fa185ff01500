"""Data sets built exactly as the schema in results/README.md says.

They hold the difficult cases: energies below the exact minimum, gaps of round-off size, infeasible regions,
cells without a value, runs that stop early, one and two components. Further cases lack losses or a known solution: see `CASES`.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr
from layout_cases import variables

from pinnscape.files import checksum, netcdf
from pinnscape.networks.layout import Layer, Layout

FORMULATIONS = ("deep-ritz", "strong-form", "supervised")
SEEDS = (0, 1, 2)
CHECKPOINTS = ("init", "middle", "final")
PROBLEMS = ("poisson1d", "poisson2d", "semilinear2d", "neo_hookean2d")
ENERGY_MINIMUM = -4.934802200544679
DIP = 3e-6  # how far the quadrature lets the energy fall below the exact minimum


@dataclass(frozen=True)
class Case:
    """What a case has.

    Attributes:
        losses: its losses.
        terms: terms of the strong form.
        known: whether a solution is known, and the minimum of the energy.
        differentiable: whether derivatives of this solution are known.
    """

    losses: tuple[str, ...] = FORMULATIONS
    terms: tuple[str, ...] = ("interior",)
    known: bool = True
    differentiable: bool = True


CASES = {
    "convection": Case(FORMULATIONS[1:], ("interior", "initial", "periodic")),
    "l_shape": Case(),
    "burgers": Case(FORMULATIONS[1:], differentiable=False),  # with a numerical reference
    "unsolved": Case(FORMULATIONS[:2], known=False),
    "alone": Case(("strong-form",), known=False),
}


def case(problem: str) -> Case:
    """What a case has; all others have everything."""
    return CASES.get(problem, Case())


_STIFFNESS = {"deep-ritz": (9.0, 40.0), "strong-form": (60.0, 9000.0), "supervised": (0.02, 0.3)}
_ERROR = {"deep-ritz": 2e-3, "strong-form": 6e-3, "supervised": 1e-4}


def attributes(stage: str, problem: str, formulation: str, seed: int = 0, **extra) -> dict:
    """The attributes that every file has."""
    return {
        "title": f"{stage} of {problem}",
        "stage": stage,
        "case": problem,
        "trained_on": formulation,
        "seed": seed,
        "conventions": netcdf.CONVENTIONS,
        "units": "1",
        "configuration": json.dumps({"width": 16}),
        "versions": json.dumps({"numpy": np.__version__}),
        "device": "cpu",
        "precision": "float64",
        **extra,
    }


def save(path: Path, dataset: xr.Dataset) -> str:
    """Make a file of a dataset that has the attributes of the study already."""
    dataset.to_netcdf(path)
    checksum.append(path, netcdf.CONVENTIONS)
    return str(path)


def solution(problem: str = "poisson1d", formulation: str = "deep-ritz", seed: int = 0, points: int = 41) -> xr.Dataset:
    """solution.nc; `neo_hookean2d` has two components, problems ending in 1d have one axis, those in 3d three."""
    x = np.linspace(0, 1, points)
    components = ["u_1", "u_2"] if problem == "neo_hookean2d" else ["u"]
    size = _ERROR[formulation] * (1 + seed)
    if problem.endswith("1d"):
        dims, coords = ("component", "x"), {"x": x}
        exact = np.array([np.sin(np.pi * x) + 0.5 * np.sin(4 * np.pi * x)])
        error = size * np.array([np.sin(9 * np.pi * x) * x])
    elif problem.endswith("3d"):
        dims, coords = ("component", "x", "y", "z"), {"x": x, "y": x, "z": x}
        a, b, c = np.meshgrid(x, x, x, indexing="ij")
        exact = np.array([np.sin(np.pi * a) * np.sin(np.pi * b) * np.sin(np.pi * c)])
        error = size * np.array([np.sin(5 * np.pi * a) * np.sin(3 * np.pi * b) * np.cos(np.pi * c)])
    elif problem in ("convection", "burgers"):
        dims, coords = ("component", "x", "t"), {"x": 2 * np.pi * x, "t": x}
        a, b = np.meshgrid(2 * np.pi * x, x, indexing="ij")
        exact = np.array([np.sin(a - 10 * b)])
        error = size * np.array([np.cos(a - 20 * b)])
    else:
        dims, coords = ("component", "x", "y"), {"x": x, "y": x}
        a, b = np.meshgrid(x, x, indexing="ij")
        exact = np.array([(1 - 0.6 * i) * np.sin(np.pi * a) * np.sin((1 + i) * np.pi * b) for i in range(len(components))])
        error = size * np.array([np.sin(5 * np.pi * a) * np.sin(3 * np.pi * b) * (1 + a) for _ in components])
    u, known = exact + error, case(problem).known
    if problem == "l_shape":
        outside = (a > 0.5) & (b < 0.5)
        u, exact, error = (np.where(outside, np.nan, values) for values in (u, exact, error))
    if not known:
        exact, error = exact * np.nan, error * np.nan
    known_as = {"known": "reference" if problem == "burgers" else "exact"} if known else {}
    return xr.Dataset(
        {"u": (dims, u), "u_exact": (dims, exact), "error": (dims, error)},
        coords={"component": components, **coords},
        attrs=attributes("train", problem, formulation, seed, **known_as),
    )


def training(problem: str = "poisson2d", formulation: str = "deep-ritz", seed: int = 0) -> xr.Dataset:
    """training.nc; seeds stop at different steps, and a Deep Ritz run ends below the exact energy."""
    step = np.arange(0, 1600 + 200 * seed + 1, 10)
    random = np.random.default_rng(seed + 10 * len(formulation))
    fall = np.exp(-step / (70.0 + len(formulation) ** 2 / 6) * (1 + 0.1 * seed)) + 1e-6
    noise = np.exp(0.2 * random.standard_normal(step.size))
    gap = 5 * fall * noise
    if formulation == "deep-ritz":
        gap[-20:] = -DIP
    loss = ENERGY_MINIMUM + gap if formulation == "deep-ritz" else 100 * fall * noise
    snapshots = 10 * np.unique(np.linspace(0, step[-1] // 10, 12).astype(int))
    facts = case(problem)
    terms = facts.terms if formulation == "strong-form" else ("interior",)
    shares = np.linspace(1.0, 2.0, len(terms))[:, None] / np.linspace(1.0, 2.0, len(terms)).sum()
    excess = 10.0 ** (6.0 * np.linspace(0, 1, step.size)) if len(terms) > 1 else 1.0  # at fresh points
    known = facts.known and "deep-ritz" in facts.losses
    errors = [np.nan if not facts.known else 1.0, np.nan if not (facts.known and facts.differentiable) else 2.0]
    flag = xr.Variable("step", (step > 500).astype("int8"), {"flag_values": [0, 1], "flag_meanings": "adam lbfgs"})
    data = xr.Dataset(
        {
            "loss": ("step", loss),
            "energy_gap": ("step", gap if known else gap * np.nan),
            "l2_error": ("step", errors[0] * np.sqrt(fall) * noise),
            "h1_error": ("step", errors[1] * np.sqrt(fall) * noise),
            "term_value": (("term", "step"), shares * loss),
            "fresh_term_value": (("term", "step"), excess * shares * loss),
            "gradient_norm": ("step", 30 * fall * noise),
            "learning_rate": ("step", np.full(step.size, 1e-2)),
            "optimizer": flag,
            "theta": (("snapshot", "parameter"), random.standard_normal((snapshots.size, 6))),
            "snapshot_step": ("snapshot", snapshots),
            "snapshot_loss": ("snapshot", np.interp(snapshots, step, loss)),
            **variables(Layout.of([Layer(1, 2, 0), Layer(1, 1, 4)])),
            "quadrature_error": ("snapshot", np.full(snapshots.size, 1.1 * DIP if known else np.nan)),
            "energy_minimum": ((), ENERGY_MINIMUM if known else np.nan),
            "energy_minimum_error": ((), 10 * DIP if known else np.nan),
        },
        coords={"step": step, "term": list(terms)},
        attrs=attributes("train", problem, formulation, seed),
    )
    reasons = {"l2_error": "no exact solution and no reference is known" if not facts.known else ""}
    reasons["h1_error"] = reasons["l2_error"] or ("" if facts.differentiable else "the reference has no derivatives")
    for name, reason in reasons.items():
        data[name].attrs.update({"withheld": reason} if reason else {})
    return data


def _losses(formulation: str, alpha: np.ndarray, beta: np.ndarray) -> np.ndarray:
    """All three losses around a point where that of ``formulation`` is least; the Ritz loss there is below the exact energy."""
    shift = 0.0 if formulation == "deep-ritz" else 0.02
    values = []
    for name in FORMULATIONS:
        a, b = _STIFFNESS[name]
        bowl = a * (alpha - shift) ** 2 + b * (beta + shift) ** 2 * (1 + 0.4 * np.sin(3 * alpha)) + 0.3 * a * alpha**4
        values.append(bowl + (ENERGY_MINIMUM - DIP if name == "deep-ritz" else 1e-5))
    return np.array(values)


def surface(plane: str = "random", problem: str = "poisson2d", formulation: str = "deep-ritz", points: int = 21) -> xr.Dataset:
    """surface-{plane}.nc of a plane; `neo_hookean2d` is infeasible in a corner, every plane lacks a value in another."""
    radius = {"random": 1.0, "trajectory": 6.0}.get(plane, 0.5)
    alpha = np.linspace(-radius, radius, points)
    beta = alpha * (0.5 if plane == "trajectory" else 1.0)
    a, b = np.meshgrid(alpha / radius, beta / radius, indexing="ij")
    loss = _losses(formulation, a, b)
    infeasible = np.zeros(a.shape, "int8")
    if problem == "neo_hookean2d":
        infeasible[(a + b / beta[-1] * radius > 1.0) & (a < 0.95)] = 1
        infeasible[a > 0.85] = 1
    loss[:, infeasible == 1] = np.nan
    loss[:, 0, -1] = np.nan
    h1 = (0.01 + np.sqrt(a**2 + 2 * b**2)) * (1 + FORMULATIONS.index(formulation))
    h1[infeasible == 1] = np.nan
    h1[0, -1] = np.nan
    data = xr.Dataset(
        {
            "value": (("loss", "alpha", "beta"), loss),
            "energy_gap": (("alpha", "beta"), loss[0] - ENERGY_MINIMUM),
            "l2_error": (("alpha", "beta"), 0.5 * h1),
            "h1_error": (("alpha", "beta"), h1),
            "infeasible": (("alpha", "beta"), infeasible),
            "energy_minimum": ((), ENERGY_MINIMUM),
            **_terms(problem, loss[1]),
            "norm": ("axis", [7.5, 7.25]),
            "quadrature_error": ((), 1.1 * DIP),
            "value_at_origin": ("loss", _losses(formulation, np.zeros(1), np.zeros(1))[:, 0]),
            "h1_error_at_origin": ((), 0.01),
        },
        coords={"loss": list(FORMULATIONS), "alpha": alpha, "beta": beta},
        attrs=attributes("surfaces", problem, formulation, plane=plane, axis_unit=_unit(plane)),
    )
    if plane.startswith("hessian"):
        data["eigenvalue"] = ("axis", [1234.5, -3.25e-3 if plane == "hessian-extreme" else 56.78])
        data["curvature"] = data["eigenvalue"] * data["norm"] ** 2
    return _as_in(problem, _with_trajectory(data, formulation) if plane == "trajectory" else data)


def _terms(problem: str, strong: np.ndarray) -> dict:
    """Terms of the strong-form loss on a plane, which add up to it; none if there is a single one."""
    names = case(problem).terms
    if len(names) == 1:
        return {}
    shares = np.linspace(1.0, 0.01, len(names))
    values = strong * (shares / shares.sum())[:, None, None]
    return {"term_value": (("term", "alpha", "beta"), values), "term": [f"strong-form/{name}" for name in names]}


def _as_in(problem: str, data: xr.Dataset) -> xr.Dataset:
    """A surface as that of a case: with its losses only, and without what is not known there."""
    facts, unknown = case(problem), []
    if not (facts.known and "deep-ritz" in facts.losses):
        unknown += ["energy_gap", "energy_minimum", "quadrature_error"]
    if not facts.known:
        unknown += ["l2_error"]
    if not (facts.known and facts.differentiable):
        unknown += ["h1_error", "h1_error_at_origin"]
    return data.assign({name: data[name] * np.nan for name in unknown}).sel(loss=list(facts.losses))


def _unit(plane: str) -> str:
    return {"random": "filter norms", "trajectory": "Euclidean length"}.get(plane, "‖θ‖")


def _with_trajectory(data: xr.Dataset, formulation: str) -> xr.Dataset:
    snapshots = 18
    time = np.linspace(0, 1, snapshots)
    path = np.stack([-4.5 * (1 - time) ** 2, 2.2 * (1 - time) * np.sin(5 * time)], axis=1)
    scaled = path / np.array([6.0, 3.0])
    plane_loss = _losses(formulation, scaled[:, 0], scaled[:, 1] / 2)
    own = plane_loss + np.linspace(1.5, 0, snapshots) ** 2
    data["explained_variance"] = ("axis", [0.914, 0.0623])
    data["trajectory"] = (("snapshot", "axis"), path)
    data["trajectory_loss"] = (("loss", "snapshot"), own)
    data["projected_loss"] = (("loss", "snapshot"), plane_loss)
    data["snapshot_step"] = ("snapshot", np.concatenate([[0], np.geomspace(1, 2000, snapshots - 1).astype(int)]))
    data["distance"] = ("snapshot", np.linspace(1, 0, snapshots))
    return data


def lines(problem: str = "poisson2d", formulation: str = "deep-ritz", count: int = 6, points: int = 41) -> xr.Dataset:
    """surface-lines.nc; for `neo_hookean2d` the ends of some lines are infeasible."""
    alpha = np.linspace(-1, 1, points)
    slopes = np.linspace(0.2, 1.0, count)[:, None]
    loss = _losses(formulation, slopes * alpha, (1 - slopes) * alpha + 0.1 * np.sin(6 * alpha) * slopes)
    infeasible = np.zeros((count, points), "int8")
    if problem == "neo_hookean2d":
        infeasible[-2:, alpha > 0.7] = 1
        infeasible[0, alpha < -0.85] = 1
    loss[:, infeasible == 1] = np.nan
    data = xr.Dataset(
        {
            "value": (("loss", "line", "alpha"), loss),
            "energy_gap": (("line", "alpha"), loss[0] - ENERGY_MINIMUM),
            "l2_error": (("line", "alpha"), np.abs(slopes * alpha)),
            "h1_error": (("line", "alpha"), 2 * np.abs(slopes * alpha)),
            "infeasible": (("line", "alpha"), infeasible),
            "energy_minimum": ((), ENERGY_MINIMUM),
            "norm": ("line", np.full(count, 7.0)),
            "quadrature_error": ((), 1.1 * DIP),
            "value_at_origin": ("loss", loss[:, 0, points // 2]),
            "h1_error_at_origin": ((), 0.01),
        },
        coords={"loss": list(FORMULATIONS), "alpha": alpha},
        attrs=attributes("surfaces", problem, formulation, plane="lines", axis_unit="filter norms"),
    )
    return _as_in(problem, data)


def hessian(
    problem: str = "poisson2d", formulation: str = "deep-ritz", seed: int = 0, checkpoint: str = "final", method: str = "dense"
) -> xr.Dataset:
    """hessian-{checkpoint}.nc with both signs in the spectrum; `lanczos` keeps ten eigenvalues at each end of it."""
    names = [name for name in case(problem).losses if name != "supervised" or formulation == "supervised"]
    spectra = [_spectrum(name, seed, checkpoint) for name in names]
    count = spectra[0].size
    kept = np.arange(count) if method == "dense" else np.concatenate([np.arange(10), np.arange(count - 10, count)])
    vectors = np.concatenate([np.arange(3), np.arange(count - 3, count)])
    at = np.linspace(-0.3, 1.1, 200)
    density = [_density(values, at) for values in spectra]
    size = len(names)
    return xr.Dataset(
        {
            "eigenvalue": (("loss", "eigen"), np.array(spectra)[:, kept]),
            "eigenvector": (("loss", "vector", "parameter"), np.zeros((size, vectors.size, count))),
            "residual_norm": (("loss", "vector"), np.full((size, vectors.size), 1e-12)),
            "node": (("loss", "ritz"), np.array(spectra)),
            "weight": (("loss", "ritz"), np.full((size, count), 1 / count)),
            "density_at": (("loss", "bin"), np.tile(at, (size, 1))),
            "density": (("loss", "bin"), np.array(density)),
            "trace": ("loss", [values.sum() for values in spectra]),
        },
        coords={"loss": names, "eigen": kept, "vector": vectors},
        attrs=attributes("hessian", problem, formulation, seed, checkpoint=checkpoint, method=method),
    )


def with_terms(data: xr.Dataset, count: int = 10) -> xr.Dataset:
    """A file of Hessian spectra with those of the terms of the strong form: its eigenvalues times 0.9, 0.5 and 0.001."""
    names = [f"strong-form/{name}" for name in case(data.attrs["case"]).terms]
    factors = np.array([0.9, 0.5, 0.001])[: len(names)]
    largest = data["eigenvalue"].sel(loss="strong-form").values[:count]
    traces = float(data["trace"].sel(loss="strong-form")) * factors / factors.sum()
    spectra = {"term_eigenvalue": (("term", "term_eigen"), factors[:, None] * largest), "term_trace": ("term", traces)}
    return data.assign(spectra).assign_coords(term=names)


def _spectrum(name: str, seed: int, checkpoint: str, count: int = 120) -> np.ndarray:
    random = np.random.default_rng(100 * seed + len(name))
    largest = {"deep-ritz": 50.0, "strong-form": 4e5, "supervised": 0.8}[name]
    decades = {"deep-ritz": 9.0, "strong-form": 12.0, "supervised": 10.0}[name]
    values = largest * 10 ** (-decades * np.linspace(0, 1, count) ** 0.7) * np.exp(0.1 * random.standard_normal(count))
    share = {"init": 0.4, "middle": 0.2, "final": 0.05}[checkpoint]
    negative = random.choice(np.arange(10, count), int(share * count), replace=False)
    values[negative] *= -1
    if checkpoint == "init":
        values[10:14] = -largest * np.array([0.2, 0.15, 0.1, 0.05])
    values[-3:] = 0.0
    return np.sort(values)[::-1]


def _density(values: np.ndarray, at: np.ndarray, width: float = 0.01) -> np.ndarray:
    ratios = values / values[0]
    bumps = np.exp(-0.5 * ((at[:, None] - ratios) / width) ** 2) / (width * np.sqrt(2 * np.pi))
    return bumps.mean(axis=1)


def claims(problems: tuple[str, ...] = PROBLEMS, baseline: float = np.nan) -> pd.DataFrame:
    """claims.csv: all verdicts, a statistic without threshold, one without value, and formulations without some claims."""
    statistics = [
        ("alike", "principal_angle_median", 30.0, 61.5),
        ("alike", "spearman[hessian-extreme]", 0.9, 0.87654),
        ("alike", "spearman[random]", 0.9, -0.9876),
        ("alike", "spectral_distance", 0.3, 1.234),
        ("convex near the solution", "convex_share[0.05]", 0.95, 0.961),
        ("convex near the solution", "negative_share", 0.01, 3.21e-5),
        ("smooth", "variation_median", 1.05, 1.012),
        ("smooth", "variation_spread", np.nan, 0.25),
        ("well conditioned", "lambda_ratio", 1e3, 45678.9),
        ("well conditioned", "share_above", 0.1, np.nan),
    ]
    verdicts = ("holds", "mixed", "does not hold")
    rows = []
    for number, (claim, statistic, threshold, value) in enumerate(statistics):
        for place, problem in enumerate(problems):
            for formulation in FORMULATIONS:
                if claim == "alike" and formulation == "supervised":
                    continue
                verdict = np.nan if np.isnan(threshold) else verdicts[(number + place) % 3]
                verdict = "not measured" if np.isnan(value) else verdict
                others = baseline, 0.5 * baseline, 2.0 * baseline
                rows.append(
                    (claim, problem, formulation, statistic, value, 0.9 * value, 1.2 * value, threshold, verdict, *others)
                )
    columns = ["claim", "case", "trained_on", "statistic", "value", "low", "high", "threshold", "verdict"]
    columns += ["baseline", "baseline_low", "baseline_high"]
    return pd.DataFrame(rows, columns=columns)
