"""Contradictions between settings that are each valid on their own."""

import itertools
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from pinnscape.config.schema import shown, suggestion

# A key, dotted, and what is wrong with its value.
Fault = tuple[str, str]

Sizes = Mapping[str, tuple[int, int]]

_MOST_LISTED = 20  # in a message


def merged(base: Mapping[str, Any], override: Mapping[str, Any]) -> dict[str, Any]:
    """``base`` with the single keys of ``override``, section by section; lists are replaced."""
    both = dict(base)
    for name, value in override.items():
        both[name] = merged(both[name], value) if isinstance(value, Mapping) and name in both else value
    return both


def parameter_count(network: Mapping[str, Any], inputs: int, outputs: int) -> int:
    """Number of weights and biases of a multilayer perceptron."""
    sizes = [inputs, *[network["width"]] * network["depth"], outputs]
    return sum((fan_in + 1) * fan_out for fan_in, fan_out in itertools.pairwise(sizes))


def contradictions(
    config: Mapping[str, Any], sizes: Sizes | None = None, parameters: Mapping[str, Collection[str]] | None = None
) -> Iterator[Fault]:
    """All contradictions in a complete and valid configuration.

    Args:
        config: the configuration, defaults filled in.
        sizes: numbers of inputs and outputs of the networks, by problem; problems that are not named are not checked.
        parameters: names of the parameters that each problem takes, or a mapping of them to lower bounds, (number, ``above`` or ``at least``);
            problems that are not named are not checked.

    Yields:
        The dotted key and the text of each.
    """
    yield from _study(config)
    yield from _problems(config, parameters or {})
    yield from _grid(config)
    yield from _trajectory(config)
    yield from _hessian(config)
    yield from _claims(config)
    yield from _techniques(config)
    for problem in config["study"]["problems"]:
        if problem in (sizes or {}):
            network = merged(config["network"], config["problems"].get(problem, {}).get("network", {}))
            yield from _parameter_counts(config, problem, parameter_count(network, *(sizes or {})[problem]))


def _listed(names: Collection[Any]) -> str:
    """The names, or the first of many."""
    return ", ".join([str(name) for name in itertools.islice(names, _MOST_LISTED)] + ["..."] * (len(names) > _MOST_LISTED))


def _study(config: Mapping[str, Any]) -> Iterator[Fault]:
    seed, seeds = config["figures"]["seed"], config["study"]["seeds"]
    if seed not in seeds:
        yield "figures.seed", f"must be one of study.seeds ({_listed(seeds)}); got {seed}"


def _problems(config: Mapping[str, Any], parameters: Mapping[str, Collection[str]]) -> Iterator[Fault]:
    for problem, override in config["problems"].items():
        for name, value in override.get("parameters", {}).items():
            known = parameters.get(problem)
            if known is not None and name not in known:
                takes = f"one of {_listed(sorted(known))}" if known else "left out: this problem has no parameters"
                yield f"problems.{problem}.parameters.{name}", f"unknown name; must be {takes}{suggestion(name, known)}"
            elif isinstance(known, Mapping):
                bound, side = known[name]
                if value < bound or (value == bound and side == "above"):
                    yield f"problems.{problem}.parameters.{name}", f"must be {side} {bound:g}; got {value:g}"
    for problem in config["study"]["problems"]:
        override = config["problems"].get(problem, {}).get("quadrature", {})
        rule = merged(config["quadrature"], override)
        if rule["rule"] == "simpson" and rule["points"] % 2 == 0:
            key = f"problems.{problem}.quadrature.points" if "points" in override else "quadrature.points"
            yield key, f"must be odd for the simpson rule of {problem}; got {rule['points']}"


def _grid(config: Mapping[str, Any]) -> Iterator[Fault]:
    grid = config["grid"]
    for name in ("points", "line_points"):
        if grid[name] % 2 == 0:
            yield f"grid.{name}", f"must be odd, so that the centre is one of the points; got {grid[name]}"
    for plane in grid["planes"]:
        if plane != "trajectory" and plane not in grid["radius"]:
            yield f"grid.radius.{plane}", f"is missing; must be a number above 0, because grid.planes has {plane}"


def _trajectory(config: Mapping[str, Any]) -> Iterator[Fault]:
    if "trajectory" not in config["grid"]["planes"]:
        return
    for problem in config["study"]["problems"]:
        override = config["problems"].get(problem, {}).get("training", {}).get("snapshots")
        snapshots = merged(config["training"]["snapshots"], override or {})
        if sum(snapshots.values()) < 3:
            key = f"problems.{problem}.training.snapshots" if override else "training.snapshots"
            text = "must be at least 3, even and logarithmic together, for the trajectory plane"
            yield key, f"{text} of {problem}; got {snapshots['even']} and {snapshots['logarithmic']}"


def _hessian(config: Mapping[str, Any]) -> Iterator[Fault]:
    hessian = config["hessian"]
    known = ["init", *config["checkpoints"], "best", "final"]
    for position, name in enumerate(hessian["checkpoints"]):
        if name not in known:
            text = f"must be one of {_listed(known)}; got {shown(name)}{suggestion(name, known)}"
            yield f"hessian.checkpoints[{position}]", text
    if "final" not in hessian["checkpoints"]:
        text = "must have final, where claims and hessian planes are taken"
        yield "hessian.checkpoints", f"{text}; got {_listed(hessian['checkpoints'])}"
    extremes = hessian["extremes"]
    if hessian["density"]["deflate"] > extremes:
        text = f"must be at most hessian.extremes ({extremes})"
        yield "hessian.density.deflate", f"{text}; got {hessian['density']['deflate']}"
    if hessian["lanczos_steps"] < 2 * extremes:
        text = f"must be at least twice hessian.extremes ({extremes})"
        yield "hessian.lanczos_steps", f"{text}; got {hessian['lanczos_steps']}"


# Keys whose first value must be at most the second.
_ORDERED = {
    "basin": ("smallest", "largest"),
    "goldilocks": ("smallest", "largest"),
    "stability": ("record_every", "steps"),
    "curves": ("check", "steps"),
    "three_points": ("check", "steps"),
}
_ODD = {"zoom": "points", "curvature_map": "points", "roughness_rules": "line_points"}


def _techniques(config: Mapping[str, Any]) -> Iterator[Fault]:
    known = ["init", *config["checkpoints"], "best", "final"]
    for name, settings in config["techniques"].items():
        if name == "without":
            continue
        for position, checkpoint in enumerate(settings.get("checkpoints", ())):
            if checkpoint not in known:
                text = f"must be one of {_listed(known)}; got {shown(checkpoint)}{suggestion(checkpoint, known)}"
                yield f"techniques.{name}.checkpoints[{position}]", text
        if name in _ODD and settings[key := _ODD[name]] % 2 == 0:
            yield f"techniques.{name}.{key}", f"must be odd, so that the centre is one of the points; got {settings[key]}"
        if name == "curves" and settings["inserted"] > settings["pivots"] + 1:
            text = f"must be at most the segments of the first band, pivots + 1 ({settings['pivots'] + 1})"
            yield "techniques.curves.inserted", f"{text}; got {settings['inserted']}"
        if name in _ORDERED:
            low, high = _ORDERED[name]
            if settings[low] > settings[high]:
                yield f"techniques.{name}.{low}", f"must be at most {high} ({settings[high]:g}); got {settings[low]:g}"


def _claims(config: Mapping[str, Any]) -> Iterator[Fault]:
    subspace, extremes = config["claims"]["alike"]["subspace"], config["hessian"]["extremes"]
    if subspace > extremes:
        yield "claims.alike.subspace", f"must be at most hessian.extremes ({extremes}); got {subspace}"
    distances, limit = config["claims"]["convex"]["radius"], config["grid"]["radius"]["lines"]
    if any(after <= before for before, after in itertools.pairwise(distances)):
        yield "claims.convex.radius", f"must be ascending; got {_listed(distances)}"
    if max(distances) > limit:
        yield "claims.convex.radius", f"must be within grid.radius.lines ({limit:g}); got {max(distances):g}"
    spacing = 2 * limit / (config["grid"]["line_points"] - 1)
    # A second difference reaches one spacing to each side; the tolerance is for spacings such as 2 / 40.
    if min(distances) < spacing * (1 - 1e-9):
        text = f"must be at least the spacing of points along lines ({spacing:g}, by grid.radius.lines and grid.line_points)"
        yield "claims.convex.radius", f"{text}; got {min(distances):g}"


def _parameter_counts(config: Mapping[str, Any], problem: str, count: int) -> Iterator[Fault]:
    """What the number of parameters of a network bounds.

    Claims about eigenvalues that are not computed above ``hessian.dense_limit`` are no contradiction: they are not measured there.
    """
    network = f"{problem}, whose network has {count} parameters"
    extremes = config["hessian"]["extremes"]
    if 2 * extremes > count:
        yield "hessian.extremes", f"must be at most {count // 2} for {network}; got {extremes}"
    rank = config["claims"]["well_conditioned"]["rank"]
    if rank > count:
        yield "claims.well_conditioned.rank", f"must be at most {count} for {network}; got {rank}"
