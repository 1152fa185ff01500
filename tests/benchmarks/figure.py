"""The figure of the benchmarks: how many times faster than each peer, with the targets."""

from collections.abc import Sequence
from pathlib import Path

from benchmarks.rows import Row
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.patches import Patch

from pinnscape.common.formulations import PHYSICS
from pinnscape.figures import style

FASTER, SLOWER = (style.colour(name) for name in PHYSICS)


def against_peers(rows: Sequence[Row]) -> list[Row]:
    """The rows that have a package and a time of it."""
    return [row for row in rows if row.peer_seconds == row.peer_seconds and row.peer_version and row.peer != "limit"]


@style.styled
def draw(rows: Sequence[Row], folder: Path, name: str) -> None:
    """Write NAME.pdf and NAME.png; nothing if no row has a peer."""
    shown = against_peers(rows)
    if not shown:
        return
    fig = style.figure(0.27 * len(shown) + 0.75)
    _bars(fig.add_subplot(), shown)
    folder.mkdir(parents=True, exist_ok=True)
    style.save(fig, folder / f"{name}.pdf", folder / f"{name}.png", 200)


def _bars(axes: Axes, rows: Sequence[Row]) -> None:
    places, ratios, targets = range(len(rows)), [row.ratio for row in rows], [_target(row) for row in rows]
    axes.set_xscale("log")
    colours = [FASTER if row.fast else SLOWER for row in rows]
    axes.barh(places, [ratio - 1.0 for ratio in ratios], left=1.0, height=0.62, color=colours)
    axes.vlines(targets, [p - 0.42 for p in places], [p + 0.42 for p in places], color="black", linewidth=1.4, label="target")
    axes.axvline(1.0, color="0.4", linewidth=0.6)
    axes.set_xlim(0.8 * min(1.0, *ratios), 1.25 * max(*ratios, *targets))
    axes.set_ylim(len(rows) - 0.4, -0.6)
    for place, row in zip(places, rows, strict=True):
        at = (1.01, place)
        axes.annotate(f"{row.ratio:.3g}×", at, xycoords=("axes fraction", "data"), va="center", fontsize=7)
    axes.set_yticks(places, [f"{row.benchmark}\nagainst {row.peer}" for row in rows], fontsize=7)
    axes.tick_params(axis="y", length=0)
    axes.xaxis.set_major_formatter("{x:g}")
    axes.set_xlabel("time of the peer / time of pinnscape")
    axes.grid(axis="x", **style.GRID)
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3, handles=_handles(axes, rows))


def _handles(axes: Axes, rows: Sequence[Row]) -> list[Artist]:
    """The target, and the colours that are there."""
    colours = {True: Patch(color=FASTER, label="target met"), False: Patch(color=SLOWER, label="target missed")}
    return [*axes.get_legend_handles_labels()[0], *(colours[fast] for fast in sorted({bool(row.fast) for row in rows}))]


def _target(row: Row) -> float:
    return float(row.target.split()[1])
