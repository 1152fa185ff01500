"""Names, numbers and colours; files that are equal when figures are; no torch."""

import hashlib
import subprocess
import sys
from pathlib import Path

import matplotlib
import pytest
from figures import synthetic

from pinnscape.figures import planes, solutions, style, training_curves

WORKFLOW = Path(__file__).parents[2] / "workflow"
MODULES = sorted(path.stem for path in (WORKFLOW / "pinnscape" / "figures").glob("[a-z]*.py"))


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (0.0, 2, "0"),
        (0.01234, 2, "0.012"),
        (1234.5, 2, "1200"),
        (-0.5, 2, "−0.5"),
        (1.26e-5, 2, r"$1.3\times10^{-5}$"),
        (9.96e-5, 2, r"$1.0\times10^{-4}$"),
        (-2e-3, 1, r"$-2\times10^{-3}$"),
        (1.5e6, 3, r"$1.50\times10^{6}$"),
        (float("nan"), 2, "not finite"),
    ],
)
def test_numbers_in_labels(value, digits, text):
    assert style.number(value, digits) == text


def test_formulations_have_one_order_and_unknown_ones_come_last():
    assert style.ordered(["zeta", "supervised", "deep-ritz", "supervised", "alpha"]) == [
        "deep-ritz",
        "supervised",
        "alpha",
        "zeta",
    ]


def test_every_formulation_has_its_own_colour_and_label():
    assert len({style.colour(name) for name in [*style.FORMULATIONS, "other"]}) == 4
    assert len({style.formulation_label(name) for name in style.FORMULATIONS}) == 3
    assert style.loss_label("deep-ritz") == "energy gap"
    assert style.checkpoint_label("init") == "initial point"
    assert style.checkpoint_label("early") == "early point"


def test_the_style_of_the_user_is_neither_used_nor_changed():
    with matplotlib.rc_context({"axes.titlesize": 31, "font.size": 29}):
        fig = training_curves.draw({("strong-form", 0): synthetic.training(formulation="strong-form")})
        assert matplotlib.rcParams["font.size"] == 29
    assert {ax.yaxis.label.get_size() for ax in fig.axes} == {8.0}


FIGURES = {
    "planes": lambda: planes.draw({"deep-ritz": synthetic.surface(problem="neo_hookean2d")}),
    "images": lambda: solutions.draw({("deep-ritz", 0): synthetic.solution("poisson2d", points=9)}, 0),
}


@pytest.mark.parametrize("name", FIGURES)
def test_saving_twice_gives_equal_bytes_without_date_or_program(tmp_path, name):
    digests = []
    for turn in ("first", "second"):
        pdf, png = tmp_path / f"{turn}.pdf", tmp_path / f"{turn}.png"
        style.save(FIGURES[name](), pdf, png, 60)
        digests.append([hashlib.sha256(path.read_bytes()).hexdigest() for path in (pdf, png)])
        assert b"CreationDate" not in pdf.read_bytes()
        assert b"Software" not in png.read_bytes()
    assert digests[0] == digests[1]


def test_no_module_of_the_figures_imports_torch():
    assert {"style", "planes", "claims"} <= set(MODULES)
    code = (
        f"import sys; sys.path.insert(0, {str(WORKFLOW)!r})\n"
        f"for name in {MODULES!r}: __import__('pinnscape.figures.' + name)\n"
        "assert 'torch' not in sys.modules, 'torch'\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
