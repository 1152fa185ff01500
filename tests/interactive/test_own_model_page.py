"""The examples of docs/own-model.md, run from top to bottom."""

import re
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from deepxde_cases import deepxde

import pinnscape as ps

pytestmark = pytest.mark.xdist_group("own model page")  # a section uses what an earlier one imports
PAGE = (Path(__file__).parents[2] / "docs/own-model.md").read_text(encoding="utf-8")
# end_to_end/test_own_models_page.py runs the models of the section about the workflow.
BEFORE, _, REST = PAGE.partition("## In the workflow\n")
BLOCKS = re.findall(r"(?ms)^```python\n(.*?)^```$", BEFORE + REST.partition("\n## ")[2])[
    1:
]  # the first one only shows the form
SECTIONS = {"pinn": BLOCKS[0:2], "deepxde": BLOCKS[2:4], "classifier": BLOCKS[4:6]}
FILES, RECORDER = BLOCKS[6:]


@pytest.fixture(scope="module")
def names() -> dict:
    """What the page defines, section after section."""
    deepxde().config.set_random_seed(0)
    return {"ps": ps}


@pytest.mark.parametrize("section", SECTIONS)
def test_a_model_and_its_landscape(section: str, names: dict) -> None:
    model, analysis = SECTIONS[section]
    exec(model, names)  # noqa: S102
    exec(analysis, names)  # noqa: S102
    assert len(analysis.strip().splitlines()) <= 10
    for name in ("plane", "lines", "spectrum", "density", "sharpness", "interpolation", "curves"):
        assert isinstance(names[name], xr.Dataset)
        found = [values.values for values in names[name].data_vars.values() if values.dtype.kind == "f" and values.size]
        assert any(np.isfinite(values).any() for values in found), name
    if section == "pinn":
        assert names["path"]["trajectory_loss"].squeeze()[-1] < 0.5 * names["path"]["trajectory_loss"].squeeze()[0]
    if section == "classifier":
        assert float(names["plane"]["further"].sel(measure="accuracy", alpha=0.0, beta=0.0)) > 0.9


def test_files_figures_and_recorders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names = {"ps": ps}
    exec(SECTIONS["pinn"][0], names)  # noqa: S102
    exec("objective = ps.from_torch(module, loss, name='pinn')\nplane = ps.plane(objective, module, points=5)", names)  # noqa: S102
    exec(FILES, names)  # noqa: S102
    assert (tmp_path / "plane.nc").exists()
    assert names["figure"].axes
    exec(RECORDER, names)  # noqa: S102
    assert names["path"].sizes["snapshot"] == names["training"].sizes["snapshot"] > 20


def test_every_call_of_the_table_exists() -> None:
    table = PAGE.partition("| call | result |")[2].partition("\n\n")[0]
    calls = re.findall(r"`(\w+)\(", table)
    assert len(calls) >= 9
    assert all(callable(getattr(ps, name)) for name in calls)
