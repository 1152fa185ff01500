"""Losses that are not finite in a part of what is looked at: masked all the way to figures and tables, never a number that is none."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from end_to_end.workspace import Workspace

from pinnscape.files import store

pytestmark = pytest.mark.xdist_group("resources")

# The energy overflows where u > 12, far from the solution; nothing marks such points but the loss itself.
PROBLEM = '''"""A problem with a load that explodes."""

from pinnscape.problems.language import Dirichlet, Interval, Problem, exp, pi, sin


class Gelfand1d(Problem):
    domain = Interval(0, 1)

    def conditions(self):
        return Dirichlet()

    def density(self, p, u):
        return 0.5 * u.x**2 + 1e-28 * exp(60.0 * u)

    def exact(self, p):
        return sin(pi * p.x)
'''


@pytest.mark.slow
def test_losses_that_overflow_in_a_part_of_a_surface_are_masked_from_files_to_tables(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    workspace.problem(PROBLEM)
    changes = {
        "cases": {"gelfand1d": {"problem": "my_problems/mine.py"}},
        "grid": {"radius": {"lines": 45.0, "random": 20.0}},
        "claims": {"convex": {"radius": [9.0, 45.0]}},
    }
    figures = [f"results/figures/{name}-gelfand1d.png" for name in ("planes", "cross", "lines")]
    with workspace.with_settings(changes):
        workspace.run()
    run = tmp_path / "results/gelfand1d/deep-ritz/seed-0"
    for plane in ("random", "lines"):
        surface = store.read(run / f"surface-{plane}.nc", "surfaces")
        energy, residual = (surface["value"].sel(loss=name).values for name in ("deep-ritz", "strong-form"))
        lost = ~np.isfinite(energy)
        assert 0.05 < lost.mean() < 0.95
        assert np.isnan(energy[lost]).all()
        assert np.isnan(residual[lost]).all()
        assert (np.abs(energy[~lost]) > 0).all()
        assert np.isnan(surface["energy_gap"].values[lost]).all()
        assert np.isfinite(surface["value"].sel(loss="supervised").values).all()
        assert surface.attrs["method"] == "grid"
        assert "not finite" in surface.attrs["reason"]
    metrics = pd.read_csv(tmp_path / "results/tables/metrics.csv")
    assert np.isfinite(metrics["value"].dropna()).all()
    for figure in figures:
        assert (tmp_path / figure).stat().st_size > 5000
