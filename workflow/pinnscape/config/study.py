"""The typed study: what ``config.yaml`` says, checked, and what each stage of the workflow has to know of it.

A stage reruns when its settings change, so each method of ``Study`` gives exactly the settings that its stage depends on.
"""

import itertools
import json
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pinnscape.config.checks import Sizes, contradictions, merged
from pinnscape.config.schema import complete, error, read, schema, validate
from pinnscape.config.sections import (
    LBFGS,
    Adam,
    Alike,
    Claims,
    Convex,
    DataDriven,
    Density,
    Directions,
    Engine,
    Figures,
    Grid,
    Hessian,
    Network,
    ProblemSettings,
    Quadrature,
    Sections,
    Shards,
    Smooth,
    Snapshots,
    Training,
    WellConditioned,
)
from pinnscape.config.techniques import TECHNIQUES

LINES = "lines"


@dataclass(frozen=True)
class Study:
    """A checked study. Methods give the settings of a stage as plain dicts that do not depend on the order in the file.

    Attributes:
        problems: names of the problems, as they are in the file.
        formulations: names of the formulations, as they are in the file.
        seeds: seeds, as they are in the file.
        techniques: names of those beyond surfaces and spectra.
        device: ``auto``, ``cpu`` or ``cuda``.
        settings: settings of each problem in ``problems``.
        sections: settings that all problems share.
    """

    problems: tuple[str, ...]
    formulations: tuple[str, ...]
    seeds: tuple[int, ...]
    techniques: tuple[str, ...]
    device: str
    settings: Mapping[str, ProblemSettings]
    sections: Sections

    @property
    def runs(self) -> list[tuple[str, str, int]]:
        """Problem, formulation and seed of each training."""
        return list(itertools.product(self.problems, self.formulations, self.seeds))

    @property
    def planes(self) -> tuple[str, ...]:
        """Names of the planes, in the order of the schema; ``lines``, the bundle, is always there and last."""
        known = schema()["properties"]["grid"]["properties"]["planes"]["items"]["enum"]
        return (*(plane for plane in known if plane in self.sections.grid.planes), LINES)

    @property
    def checkpoint_names(self) -> tuple[str, ...]:
        """All checkpoints in order: ``init``, the named ones, ``best``, ``final``."""
        return ("init", *self.sections.checkpoints, "best", "final")

    @property
    def hessian_checkpoints(self) -> tuple[str, ...]:
        """The checkpoints whose Hessians are analysed, in order."""
        return tuple(name for name in self.checkpoint_names if name in self.sections.hessian.checkpoints)

    @property
    def figure_seed(self) -> int:
        """The seed that planes and solutions show."""
        return self.sections.figures.seed

    def engine(self) -> dict[str, Any]:
        """How losses and derivatives are computed: ``compile`` and ``memory``."""
        return _plain(self.sections.engine)

    def shards(self) -> dict[str, int]:
        """Numbers of shards of ``surfaces``, ``hessians`` and ``techniques``; never part of a stage's settings."""
        return _plain(self.sections.shards)

    def model(self, problem: str) -> dict[str, Any]:
        """What defines the losses of ``problem``: ``network``, ``quadrature`` and ``parameters``."""
        settings = _plain(self.settings[problem])
        return {name: settings[name] for name in ("network", "parameters", "quadrature")}

    def training(self, problem: str) -> dict[str, Any]:
        """How networks for ``problem`` are trained: ``log_every``, ``phases`` and ``snapshots``."""
        return _plain(self.settings[problem].training)

    def checkpoints(self) -> dict[str, float]:
        """Fractions of the training steps by name, ascending."""
        return dict(self.sections.checkpoints)

    def directions(self, plane: str) -> dict[str, Any]:
        """``normalization`` and ``bias`` of random directions, ``lines`` of the bundle; nothing for other planes."""
        self._check_plane(plane)
        names = {"random": ("bias", "normalization"), LINES: ("bias", "lines", "normalization")}.get(plane, ())
        return {name: getattr(self.sections.directions, name) for name in names}

    def grid(self, plane: str) -> dict[str, Any]:
        """``tolerance``, and ``points`` and ``radius``; ``margin`` instead for ``trajectory``, ``line_points`` for lines."""
        self._check_plane(plane)
        grid = self.sections.grid
        if plane == "trajectory":
            return {"margin": grid.margin, "points": grid.points, "tolerance": grid.tolerance}
        count = {"line_points": grid.line_points} if plane == LINES else {"points": grid.points}
        return {**count, "radius": grid.radius[plane], "tolerance": grid.tolerance}

    def hessian(self) -> dict[str, Any]:
        """How a spectrum is computed; at which checkpoints is ``hessian_checkpoints``."""
        settings = _plain(self.sections.hessian)
        del settings["checkpoints"]
        return settings

    def technique(self, name: str) -> dict[str, Any]:
        """The settings of a technique; with ``normalization`` and ``bias`` where it has random directions."""
        settings = json.loads(json.dumps(self.sections.techniques[name], sort_keys=True))
        shared = self.directions(LINES) if TECHNIQUES[name].directions else {}
        return settings | {key: shared[key] for key in ("normalization", "bias") if key in shared}

    def claims(self) -> dict[str, Any]:
        """Thresholds of the verdicts."""
        return _plain(self.sections.claims)

    def figures(self) -> dict[str, Any]:
        """How figures look; which seed they show is ``figure_seed``."""
        return {"dpi": self.sections.figures.dpi}

    def _check_plane(self, plane: str) -> None:
        if plane not in self.planes:
            raise ValueError(f"`plane` must be one of {', '.join(self.planes)}; got {plane!r}")


def parse(
    config: dict[str, Any],
    problem_names: Collection[str],
    *,
    sizes: Sizes | None = None,
    parameters: Mapping[str, Collection[str]] | None = None,
    source: str = "config.yaml",
) -> Study:
    """Check a configuration and make the typed study of it.

    Args:
        config: what YAML gave; it is not changed.
        problem_names: the names in the catalogue of problems.
        sizes: numbers of inputs and outputs of the network of each problem, for checks against its number of parameters.
        parameters: names of the parameters that each problem takes.
        source: what messages call the configuration.

    Returns:
        The study.

    Raises:
        StudyError: a setting is unknown, mistyped, out of range or contradicts another one; one line that names its key.
    """
    validate(config, problem_names, source)
    full = complete(config)
    full["figures"].setdefault("seed", full["study"]["seeds"][0])
    for key, text in contradictions(full, sizes, parameters):
        raise error(source, key, text)
    problems = {name: _problem(full, full["problems"].get(name, {})) for name in full["study"]["problems"]}
    study = {name: tuple(values) for name, values in full["study"].items()}
    return Study(**study, techniques=_techniques(full), device=full["device"], settings=problems, sections=_sections(full))


def load(
    path: str | Path,
    problem_names: Collection[str],
    *,
    sizes: Sizes | None = None,
    parameters: Mapping[str, Collection[str]] | None = None,
) -> Study:
    """Read a study from a YAML file; arguments as for ``parse``.

    Raises:
        StudyError: the file cannot be read, is not valid YAML or holds no valid study; one line that names file and key.
    """
    return parse(read(path), problem_names, sizes=sizes, parameters=parameters, source=str(path))


def _problem(config: Mapping[str, Any], override: Mapping[str, Any]) -> ProblemSettings:
    network, quadrature, training = (
        merged(config[name], override.get(name, {})) for name in ("network", "quadrature", "training")
    )
    phases = tuple(Adam(**phase) if phase["optimizer"] == "adam" else LBFGS(**phase) for phase in training["phases"])
    snapshots = Snapshots(**training["snapshots"])
    return ProblemSettings(
        network=Network(**network),
        quadrature=Quadrature(**quadrature),
        training=Training(**{**training, "phases": phases, "snapshots": snapshots}),
        parameters=override.get("parameters", {}),
    )


def _sections(config: Mapping[str, Any]) -> Sections:
    grid, hessian, claims = config["grid"], config["hessian"], config["claims"]
    convex = {**claims["convex"], "radius": tuple(claims["convex"]["radius"])}
    fractions = sorted(config["checkpoints"].items(), key=lambda item: (item[1], item[0]))
    return Sections(
        engine=Engine(**config["engine"]),
        shards=Shards(**config["shards"]),
        checkpoints=dict(fractions),
        directions=Directions(**config["directions"]),
        grid=Grid(**{**grid, "planes": tuple(grid["planes"])}),
        hessian=Hessian(**{**hessian, "checkpoints": tuple(hessian["checkpoints"]), "density": Density(**hessian["density"])}),
        claims=Claims(
            smooth=Smooth(**claims["smooth"]),
            well_conditioned=WellConditioned(**claims["well_conditioned"]),
            convex=Convex(**convex),
            alike=Alike(**claims["alike"]),
            data_driven=DataDriven(**claims["data_driven"]),
        ),
        figures=Figures(**config["figures"]),
        techniques={name: config["techniques"].get(name, {}) for name in TECHNIQUES},
    )


def _techniques(config: Mapping[str, Any]) -> tuple[str, ...]:
    """Those that the study asks for: without the costly ones, unless it is extended, and those that are left out or lack their planes."""
    return tuple(
        name
        for name, technique in TECHNIQUES.items()
        if (config["extended"] or not technique.costly)
        and name not in config["techniques"]["without"]
        and (not technique.surfaces or set(technique.surfaces) & set(config["grid"]["planes"]))
    )


def _plain(settings: Any) -> dict[str, Any]:
    """A dataclass as JSON has it, keys sorted."""
    return json.loads(json.dumps(asdict(settings), sort_keys=True))
