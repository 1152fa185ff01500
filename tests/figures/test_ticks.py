"""Labels of ticks without markup."""

import matplotlib
import pytest
from matplotlib.figure import Figure

from pinnscape.figures import style, ticks


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        (r"$\mathdefault{10^{-3}}$", "10⁻³"),
        (r"$\mathdefault{2\times10^{-12}}$", "2×10⁻¹²"),
        (r"$\mathdefault{-10^{4}}$", "−10⁴"),
        (r"$\mathdefault{0.25}$", "0.25"),
        (r"$\times\mathdefault{10^{−5}}\mathdefault{+1}$", "×10⁻⁵+1"),
        ("0.5", "0.5"),
        ("", ""),
        (r"$\lambda_1$", r"$\lambda_1$"),
        (r"$\frac{1}{2}$", r"$\frac{1}{2}$"),
    ],
)
def test_labels_lose_their_markup_and_nothing_else(label, expected):
    assert ticks.plain(label) == expected


@pytest.mark.parametrize("scale", ["linear", "log", "symlog"])
def test_axes_show_the_labels_that_matplotlib_would_typeset(scale):
    def labels(simplified):
        with matplotlib.rc_context({"axes.formatter.use_mathtext": True}):
            fig = Figure()
            ax = fig.subplots()
            ax.plot([1e-6, 1e-2, 1.0], [1e-6, 1e-2, 1.0])
            ax.set_yscale(scale, **({"linthresh": 1e-4} if scale == "symlog" else {}))
            if simplified:
                ticks.simplify(fig)
            fig.draw_without_rendering()
            return [text.get_text() for text in ax.get_yticklabels()]

    typeset = labels(simplified=False)
    assert labels(simplified=True) == [ticks.plain(text) for text in typeset]
    assert any(text.startswith("$") for text in typeset)
    assert not any("$" in text for text in labels(simplified=True))


def test_a_common_factor_of_the_labels_is_plain_too():
    with matplotlib.rc_context({"axes.formatter.use_mathtext": True, "axes.formatter.limits": (-2, 4)}):
        fig = Figure()
        ax = fig.subplots()
        ax.plot([0.0, 1.0], [0.0, 3e-7])
        ticks.simplify(fig)
        fig.draw_without_rendering()
        assert ax.yaxis.get_offset_text().get_text() == "×10⁻⁷"


def test_saved_figures_have_plain_labels_and_formulas_where_someone_wrote_them(tmp_path):
    fig = style.figure(2.0)
    ax = fig.subplots()
    ax.semilogy([0, 1], [1e-5, 1.0], label=r"$\lambda_1$")
    ax.set_xlabel(r"$\alpha$")
    style.save(fig, tmp_path / "a.pdf", tmp_path / "a.png", 60)
    assert "10⁻⁴" in [text.get_text() for text in ax.get_yticklabels()]
    assert ax.get_xlabel() == r"$\alpha$"
