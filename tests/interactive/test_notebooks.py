"""The notebooks of docs/, run cell by cell."""

from pathlib import Path

import matplotlib as mpl
import nbformat
import numpy as np
import pytest
import torch
import xarray as xr
from matplotlib.figure import Figure

FOLDER = Path(__file__).parents[2] / "docs/notebooks"


def run(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict:
    """What the cells of a notebook define, when they are run in a folder."""
    monkeypatch.chdir(folder)
    mpl.use("agg")
    names: dict = {}
    state = torch.random.get_rng_state()
    for cell in nbformat.read(FOLDER / name, as_version=4).cells:
        if cell.cell_type == "code":
            exec(compile(cell.source, f"{name}, {cell.id}", "exec"), names)  # noqa: S102 - our own notebooks
    torch.random.set_rng_state(state)
    return names


def test_notebooks_are_stored_without_results_and_each_is_tested() -> None:
    stored = sorted(path.name for path in FOLDER.glob("*.ipynb"))
    assert stored == ["checkpoint_to_figure.ipynb", "compare_two_networks.ipynb", "own_pinn.ipynb"]
    for name in stored:
        notebook = nbformat.read(FOLDER / name, as_version=4)
        nbformat.validate(notebook)
        assert all(not cell.outputs and cell.execution_count is None for cell in notebook.cells if cell.cell_type == "code")
        assert notebook.cells[0].source.startswith("# ")


def test_the_landscape_of_an_own_pinn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    names = run("own_pinn.ipynb", tmp_path, monkeypatch)
    assert float(names["training"]["loss"][-1]) < 0.05 * float(names["training"]["loss"][0])
    assert names["plane"].sizes["alpha"] == 31
    assert names["path"].sizes["snapshot"] == names["training"].sizes["snapshot"]
    whole, parts = float(names["hessian"]["eigenvalue"].max()), names["largest"]
    assert max(parts.values()) <= whole * (1 + 1e-6), "both terms are squares"
    assert whole <= sum(parts.values()) * (1 + 1e-6), "the Hessian is the sum of those of the terms"
    assert capsys.readouterr().out.startswith("loss: ")


def test_the_comparison_of_two_networks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    names = run("compare_two_networks.ipynb", tmp_path, monkeypatch)
    assert set(names["planes"]) == {"deep-ritz", "strong-form"}
    assert names["angles"].shape == (5,)
    assert (names["angles"] < 45).all(), "the losses have nearly the same directions of largest curvature"
    assert isinstance(names["paths"], xr.Dataset)
    assert "trained on strong-form: deep-ritz" in capsys.readouterr().out


def test_the_way_from_a_checkpoint_to_a_figure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = run("checkpoint_to_figure.ipynb", tmp_path, monkeypatch)
    figure = names["figure"]
    assert isinstance(figure, Figure)
    assert figure.get_size_inches()[0] * 25.4 == pytest.approx(84)
    assert (tmp_path / "landscape.pdf").read_bytes().startswith(b"%PDF")
    np.testing.assert_array_equal(names["again"]["value"], names["plane"]["value"])
    names["plt"].close("all")
