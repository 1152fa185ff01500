"""Tick labels as plain text: matplotlib would parse each label as a formula, which takes a fifth of the time of a figure."""

import re
from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import Formatter

_POWER = re.compile(r"\^\{([^{}]*)\}")
_UPRIGHT = re.compile(r"\\mathdefault\{([^{}]*)\}")
_RAISED = str.maketrans("0123456789-−", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁻")


def plain(label: str) -> str:
    """A label of matplotlib's formatters without markup, such as ``2×10⁻³``; labels with other markup remain unchanged."""
    if not (label.startswith("$") and label.endswith("$")):
        return label
    text = _POWER.sub(lambda power: power[1].translate(_RAISED), label[1:-1])
    text = _UPRIGHT.sub(r"\1", text).replace(r"\times", "×").replace("-", "−")
    return label if re.search(r"[\\{}$^_]", text) else text


class Plain(Formatter):
    """The labels of another formatter without markup."""

    def __init__(self, formatter: Formatter) -> None:
        self._formatter = formatter
        super().set_axis(formatter.axis)

    def __call__(self, x: float, pos: int | None = None) -> str:
        return plain(self._formatter(x, pos))

    def format_ticks(self, values: list[float]) -> list[str]:
        return [plain(label) for label in self._formatter.format_ticks(values)]

    def get_offset(self) -> str:
        return plain(self._formatter.get_offset())

    def set_locs(self, locs: list[float]) -> None:
        self._formatter.set_locs(locs)

    def set_axis(self, axis: Any) -> None:
        super().set_axis(axis)
        self._formatter.set_axis(axis)


def simplify(fig: Figure) -> None:
    """Make all tick labels of a figure plain text."""
    for ax in fig.axes:
        for axis in (getattr(ax, name) for name in ("xaxis", "yaxis", "zaxis") if hasattr(ax, name)):
            # set_major_formatter would discard the information that labels are shared or fixed.
            for ticker in (axis.major, axis.minor):
                if not isinstance(ticker.formatter, Plain):
                    ticker.formatter = Plain(ticker.formatter)
