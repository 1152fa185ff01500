"""Figure: persistence diagrams of the losses on the random planes, and one join tree."""

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from pinnscape.common.formulations import PHYSICS
from pinnscape.figures import scales, style

_SEEDS = ("o", "s", "D", "v", "P", "X")
_LOG_FROM = 30.0


@style.styled
def draw(data: xr.Dataset, plane: str = "random") -> Figure:
    """Persistence diagrams, one row for each loss and one column for each trained formulation; below, the largest join trees.

    Args:
        data: topology.nc.
        plane: plane that is shown.
    """
    trained, losses = style.ordered(data["trained_on"].values), style.ordered(data["loss"].values)
    shown = data.sel(plane=plane) if plane in data["plane"].values else None
    rows = max(1, len(losses))
    fig = style.figure(1.75 * rows + 2.3)
    parts: Any = fig.subfigures(2, 1, height_ratios=[1.75 * rows, 2.0])
    above, below = parts
    grid = above.subplots(rows, max(1, len(trained)), squeeze=False)
    if shown is None or not trained or not losses:
        for ax in grid.flat:
            not_measured(ax)
    else:
        for row, loss in zip(grid, losses, strict=True):
            for ax, formulation in zip(row, trained, strict=True):
                _diagram(ax, shown.sel(trained_on=formulation, loss=loss), formulation)
                ax.set_title(f"{style.loss_label(loss)}, at {style.formulation_label(formulation)}" + _omitted(ax))
            row[0].set_ylabel("death (saddle)")
        for ax in grid[-1]:
            ax.set_xlabel("birth (minimum)")
        _legend(above, [int(seed) for seed in data["seed"].values])
    trees = with_trees(trained, losses)
    for ax, loss in zip(below.subplots(1, max(1, len(trees)), squeeze=False)[0], trees or [""], strict=True):
        _tree_panel(ax, shown, loss)
    fig.suptitle(style.title([data], f"minima and saddles of the losses on the {plane} plane"))
    return fig


def not_measured(ax: Axes) -> None:
    """Label a panel without data as not measured."""
    ax.text(0.5, 0.5, "not measured", transform=ax.transAxes, ha="center", va="center", color="0.4", fontsize=7)
    ax.set(xticks=[], yticks=[])


def with_trees(trained: list[str], losses: list[str]) -> list[str]:
    """The losses whose join trees are shown: the physics losses at the points that they trained, or all others without these."""
    own = [loss for loss in losses if loss in trained]
    return [loss for loss in own if loss in PHYSICS] or own


def leaves(parent: np.ndarray) -> list[int]:
    """Order of the branches of a join tree from left to right in which no two branches cross.

    Args:
        parent: indices (k,) of the parents, -1 for none; a parent precedes its branches, and the most persistent branch is
            first.
    """
    result: list[int] = []

    def visit(branch: int) -> None:
        result.append(branch)
        # The branch that joins last is the outermost one; otherwise its connection would cross the others.
        for child in reversed([k for k in range(len(parent)) if parent[k] == branch]):
            visit(child)

    for root in np.flatnonzero(np.asarray(parent) < 0):
        visit(int(root))
    return result


def _diagram(ax: Axes, own: xr.Dataset, formulation: str) -> None:
    """Draw the pairs of all seeds: minima filled, rings hollow; pairs with infinite death lie at the top."""
    pairs = {name: own[name].transpose("seed", ...).values for name in ("birth", "death", "ring_birth", "ring_death")}
    values = np.concatenate([values[np.isfinite(values)] for values in pairs.values()])
    if not values.size:
        return not_measured(ax)
    log = bool((values > 0).any()) and values.max() >= _LOG_FROM * values[values > 0].min()
    kept = values[values > 0] if log else values
    low, high = float(kept.min()), float(kept.max())
    margin = (high / low) ** 0.12 if log else 0.12 * (high - low or abs(high) or 1.0)
    low, high, top = (
        (low / margin, high * margin, high * margin**2) if log else (low - margin, high + margin, high + 2 * margin)
    )
    for k in range(own.sizes["seed"]):
        for kind, face in (("", style.colour(formulation)), ("ring_", "none")):
            birth, death = pairs[f"{kind}birth"][k], pairs[f"{kind}death"][k]
            birth = scales.positive(birth) if log else birth
            death = np.where(np.isinf(death), np.sqrt(high * top) if log else 0.5 * (high + top), death)
            ax.plot(birth, death, linestyle="none", color=style.colour(formulation), markerfacecolor=face, **_marker(k))
    ax.plot([low, high], [low, high], color="0.6", linewidth=0.6, zorder=0)
    ax.axhline(high, color="0.6", linewidth=0.6, linestyle=":", zorder=0)
    ax.text(0.98, 0.985, "infinite", transform=ax.transAxes, ha="right", va="top", fontsize=6.5, color="0.4")
    scale = "log" if log else "linear"
    ax.set(xscale=scale, yscale=scale, xlim=(low, high), ylim=(low, top))
    ax.grid(**style.GRID)
    ax._omitted = scales.omission(pairs["birth"]) if log else ""  # pyright: ignore[reportAttributeAccessIssue]


def _omitted(ax: Axes) -> str:
    note = getattr(ax, "_omitted", "")
    return f"\n({note})" if note else ""


def _marker(seed: int) -> dict[str, Any]:
    return {"marker": _SEEDS[seed % len(_SEEDS)], "markersize": 4.0, "markeredgewidth": 0.8}


def _tree_panel(ax: Axes, shown: xr.Dataset | None, loss: str) -> None:
    """Draw the join tree with the most minima, for one loss at the points that it trained."""
    own = None
    if shown is not None and loss in shown["loss"].values and loss in shown["trained_on"].values:
        own = shown.sel(trained_on=loss, loss=loss)
    if own is None or not np.isfinite(own["minima"]).any():
        return not_measured(ax)
    seed = own["seed"].values[int(np.nanargmax(own["minima"].values))]
    own = own.sel(seed=seed)
    count = int(own["minima"])
    birth, death, parent = (own[name].values[:count] for name in ("birth", "death", "parent"))
    parent = parent.astype(int)
    place = {branch: k for k, branch in enumerate(leaves(parent))}
    scale, bottom, top = tree_limits(birth, death)
    for k in range(count):
        end = death[k] if np.isfinite(death[k]) else top
        ax.plot([place[k]] * 2, [birth[k], end], color=style.colour(loss), linewidth=1.2)
        if parent[k] >= 0:
            ax.plot([place[parent[k]], place[k]], [end, end], color=style.colour(loss), linewidth=1.2)
    ax.plot([place[k] for k in range(count)], birth, "o", color=style.colour(loss), markersize=4)
    ax.set(xlim=(-0.6, count - 0.4), xticks=[], ylabel=style.loss_label(loss), yscale=scale, ylim=(bottom, top))
    ax.set_xlabel("minima, joined at saddles")
    ax.set_title(f"join tree at {style.formulation_label(loss)}, seed {seed}: {count} {'minima' if count > 1 else 'minimum'}")


def tree_limits(birth: np.ndarray, death: np.ndarray) -> tuple[str, float, float]:
    """Scale and limits of the axis of a join tree, with margins at both ends.

    The scale is logarithmic if all minima are positive and the lowest one is far below the top.

    Args:
        birth: birth of each branch.
        death: death of each branch, infinite for the branches that do not end.
    """
    finite = np.concatenate([birth, death[np.isfinite(death)]])
    low, high = float(finite.min()), float(finite.max())
    if low > 0 and high > _LOG_FROM * low:
        margin = (high / low) ** 0.15
        return "log", low / margin, high * margin
    margin = 0.15 * (high - low or abs(high) or 1.0)
    return "linear", low - margin, high + margin


def _legend(fig: Any, seeds: list[int]) -> None:
    handles = [
        Line2D([], [], linestyle="none", color="0.3", label=f"seed {seed}", **_marker(k)) for k, seed in enumerate(seeds)
    ]
    handles.append(Line2D([], [], linestyle="none", color="0.3", label="minimum", **_marker(0)))
    handles.append(Line2D([], [], linestyle="none", color="0.3", markerfacecolor="none", label="ring", **_marker(0)))
    fig.legend(handles=handles, loc="outside lower center", ncols=len(handles), handletextpad=0.3)
