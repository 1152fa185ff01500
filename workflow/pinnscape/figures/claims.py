"""Figure: the verdict on every claim, with the number on which it is based."""

import math
from collections.abc import Callable, Hashable

import numpy as np
import pandas as pd
import seaborn
from matplotlib.axes import Axes
from matplotlib.colors import BoundaryNorm, ListedColormap
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from pinnscape.figures import style

# Pale blue, yellow and orange: distinguishable with every form of colour blindness, and light enough for dark text.
VERDICTS = {"holds": ("✓", "#A6D3EC"), "mixed": ("~", "#F5EC9A"), "does not hold": ("✗", "#F0B08A")}
NO_VERDICT = "no verdict"
_NO_VERDICT_COLOUR = "#EDEDED"
LONGEST = 9  # number of characters of a spread that fit on one line of a cell
_OF_BASELINE = ("baseline", "baseline_low", "baseline_high")
COLUMNS = ("claim", "case", "trained_on", "statistic", "value", "low", "high", "threshold", "verdict", *_OF_BASELINE)
NUMBERS = ("value", "low", "high", "threshold", *_OF_BASELINE)
BASELINE = "data-driven\nbaseline"  # label of the column in the place of a case
_ROW, _COLUMN = ["claim", "statistic", "threshold"], ["case", "trained_on"]


@style.styled
def draw(claims: pd.DataFrame) -> Figure:
    """A table: rows are claims and statistics, columns are cases and formulations, and colours are verdicts.

    The first column is the data-driven baseline, if there is one.

    Args:
        claims: claims.csv.
    """
    codes, texts = tables(claims)
    fig = style.figure(1.5 + 0.36 * len(codes), max(style.WIDTH, 2.6 + 0.5 * codes.shape[1]))
    ax = fig.subplots()
    colours = [*(colour for _, colour in VERDICTS.values()), _NO_VERDICT_COLOUR]
    norm = BoundaryNorm(np.arange(len(colours) + 1) - 0.5, len(colours))
    font = {"fontsize": 6, "color": "black", "linespacing": 1.15}
    lines = {"linewidths": 0.8, "linecolor": "white"}
    seaborn.heatmap(
        codes, annot=texts, fmt="", cmap=ListedColormap(colours), norm=norm, cbar=False, annot_kws=font, ax=ax, **lines
    )
    _label(ax, codes)
    _legend(fig, codes)
    fig.suptitle("claims about the landscapes: median over seeds (smallest … largest)")
    return fig


def tables(claims: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Codes of the verdicts and texts of the cells, with rows and columns in the order of the figure.

    A code is the index of the verdict in ``VERDICTS``, ``len(VERDICTS)`` without a verdict, and NaN without a measurement.
    """
    names = [*VERDICTS]
    numbers = zip(claims["value"], claims["low"], claims["high"], claims["verdict"], strict=True)
    cells = claims.assign(
        threshold=[threshold_text(value) for value in claims["threshold"]],
        code=[float(names.index(name)) if name in names else float(len(names)) for name in claims["verdict"]],
        text=[cell(*row) for row in numbers],
    )
    rows, columns = list(cells.groupby(_ROW, sort=False).groups), _columns(claims)
    codes, texts = (cells.pivot(index=_ROW, columns=_COLUMN, values=name) for name in ("code", "text"))
    codes, texts = codes.reindex(index=rows, columns=columns), texts.reindex(index=rows, columns=columns).fillna("")
    if not np.isnan(claims["baseline"].to_numpy(dtype=float)).all():
        first = cells.groupby(_ROW, sort=False)[list(_OF_BASELINE)].first().reindex(index=codes.index)
        codes.insert(0, (BASELINE, ""), float(len(names)))
        texts.insert(
            0, (BASELINE, ""), [cell(value, low, high, "") for value, low, high in first.to_numpy(dtype=float).tolist()]
        )
    return codes, texts


def significant(value: float, digits: int = 3) -> str:
    """``value`` with three significant digits, in as few characters as possible."""
    if not math.isfinite(value):
        return "–"
    mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
    if value == 0 or -4 < int(exponent) < 4:
        return f"{float(f'{mantissa}e{exponent}'):g}"
    return f"{float(mantissa):g}e{int(exponent)}"


def cell(value: float, low: float, high: float, verdict: Hashable) -> str:
    """The text of a cell: a mark for the verdict and the value, then its spread over seeds."""
    if math.isnan(value):
        return "–"
    mark, _ = VERDICTS.get(str(verdict), ("", ""))
    least, most = significant(low, 2), significant(high, 2)
    gap = "" if len(least) + len(most) < LONGEST else "\n"
    return f"{mark} {significant(value)}\n{least}{gap}…{most}".lstrip()


def threshold_text(threshold: float) -> str:
    """The threshold of a row; empty if it has none."""
    return "" if pd.isna(threshold) else significant(float(threshold))


def row_label(claim: str, statistic: str, threshold: str) -> str:
    """The label of a row: the claim in the first line, the statistic and the threshold in the second."""
    words = f"{claim}\n{statistic}".replace("_", " ")
    return f"{words} (threshold {threshold})" if threshold else words


def _columns(claims: pd.DataFrame) -> pd.MultiIndex:
    """Columns: cases in the order of the table, formulations in the order of all figures."""
    pairs = [
        (case, formulation)
        for case, group in claims.groupby("case", sort=False)
        for formulation in style.ordered(group["trained_on"])
    ]
    return pd.MultiIndex.from_tuples(pairs, names=_COLUMN)


def _label(ax: Axes, codes: pd.DataFrame) -> None:
    ax.set(xlabel="formulation that trained the point", ylabel="claim and statistic")
    formulations = [style.formulation_label(name) if name else "" for _, name in codes.columns]
    ax.set_yticks(np.arange(len(codes)) + 0.5, [row_label(*name) for name in codes.index], rotation=0)
    ax.set_xticks(np.arange(len(formulations)) + 0.5, formulations, rotation=40, ha="right")
    ax.tick_params(length=0)
    cases = [case for case, _ in codes.columns]
    for case in dict.fromkeys(cases):
        middle = cases.index(case) + cases.count(case) / 2
        ax.text(middle, -0.12, style.case_label(case), ha="center", va="bottom", fontsize=8)
    _rule(ax.axvline, cases)
    _rule(ax.axhline, [claim for claim, *_ in codes.index])


def _rule(line: Callable[..., Line2D], names: list[str]) -> None:
    """Draw a line between neighbouring entries with different names."""
    for place in range(1, len(names)):
        if names[place] != names[place - 1]:
            line(place, color="0.3", linewidth=0.8)


def _legend(fig: Figure, codes: pd.DataFrame) -> None:
    handles = [Patch(facecolor=colour, label=f"{mark} {name}") for name, (mark, colour) in VERDICTS.items()]
    if (codes.drop(columns=BASELINE, level=0, errors="ignore").to_numpy() == len(VERDICTS)).any():
        handles.append(Patch(facecolor=_NO_VERDICT_COLOUR, label=NO_VERDICT))
    fig.legend(handles=handles, loc="outside lower center", ncols=len(handles))
