"""The validated configuration as a typed study, and the settings that each stage of the workflow depends on.

A stage reruns when its settings change, so each method of ``Study`` returns exactly the settings that its stage depends on, as
plain values.
"""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, get_args

from pydantic import ValidationError

from pinnscape.config.reading import check_form
from pinnscape.config.schema import described, error, rank, schema
from pinnscape.config.section import Section
from pinnscape.config.sections import Model, Plane, TrainingSettings
from pinnscape.problems.catalog import CATALOG, Entry
from pinnscape.study.checks import contradictions
from pinnscape.study.configuration import PROBLEMS, Configuration
from pinnscape.techniques.catalog import TECHNIQUES

LINES = "lines"


def merged(base: Mapping[str, Any], override: Mapping[str, Any]) -> dict[str, Any]:
    """``base`` with the keys of ``override`` replaced recursively; lists are replaced as a whole."""
    both = dict(base)
    for name, value in override.items():
        both[name] = merged(both[name], value) if isinstance(value, Mapping) and name in both else value
    return both


def fractions(config: Configuration) -> dict[str, float]:
    """The named checkpoints and their fractions of the training steps, in ascending order of the fractions."""
    return dict(sorted(config.checkpoints.items(), key=lambda item: (item[1], item[0])))


@dataclass(frozen=True)
class Study:
    """A validated study.

    Attributes:
        config: all sections, with all defaults filled in.
    """

    config: Configuration

    @property
    def problems(self) -> tuple[str, ...]:
        """Names of the problems, in the order of the configuration."""
        return self.config.study.problems

    @property
    def formulations(self) -> tuple[str, ...]:
        """Names of the formulations, in the order of the configuration."""
        return self.config.study.formulations

    @property
    def seeds(self) -> tuple[int, ...]:
        """Seeds, in the order of the configuration."""
        return self.config.study.seeds

    @property
    def device(self) -> str:
        """``auto``, ``cpu`` or ``cuda``."""
        return self.config.device

    @property
    def runs(self) -> list[tuple[str, str, int]]:
        """Problem, formulation and seed of each training."""
        return list(itertools.product(self.problems, self.formulations, self.seeds))

    @property
    def planes(self) -> tuple[str, ...]:
        """Names of the planes in a fixed order, followed by ``lines``, the bundle of random lines, which every study has."""
        return (*(plane for plane in get_args(Plane) if plane in self.config.grid.planes), LINES)

    @property
    def techniques(self) -> tuple[str, ...]:
        """Names of the techniques of the study.

        Costly techniques are included only if the study is extended. Techniques that are left out by name, or that need planes
        which the study lacks, are excluded.
        """
        return tuple(
            name
            for name, technique in TECHNIQUES.items()
            if (self.config.extended or not technique.costly)
            and name not in self.config.techniques.without
            and (not technique.surfaces or set(technique.surfaces) & set(self.config.grid.planes))
        )

    @property
    def checkpoint_names(self) -> tuple[str, ...]:
        """All checkpoints in this order: ``init``, the named checkpoints, ``best``, ``final``."""
        return ("init", *self.checkpoints(), "best", "final")

    @property
    def hessian_checkpoints(self) -> tuple[str, ...]:
        """The checkpoints whose Hessians are analysed, in order."""
        return tuple(name for name in self.checkpoint_names if name in self.config.hessian.checkpoints)

    @property
    def figure_seed(self) -> int | None:
        """The seed that figures of planes and solutions show."""
        return self.config.figures.seed

    @cached_property
    def models(self) -> dict[str, Model]:
        """The settings that define the losses, by problem."""
        return {problem: self._model(problem) for problem in self.problems}

    @cached_property
    def trainings(self) -> dict[str, TrainingSettings]:
        """The settings of the trainings, by problem."""
        return {
            problem: TrainingSettings.of(merged(self.config.training.plain(), self._override(problem).get("training", {})))
            for problem in self.problems
        }

    def _model(self, problem: str) -> Model:
        override = self._override(problem)
        sections = {
            name: merged(getattr(self.config, name).plain(), override.get(name, {})) for name in ("network", "quadrature")
        }
        return Model.of(sections | {"parameters": override.get("parameters", {})})

    def _override(self, problem: str) -> dict[str, Any]:
        """The settings that are given for this problem only."""
        return self.config.problems[problem].plain(given=True) if problem in self.config.problems else {}

    def complete(self) -> dict[str, Any]:
        """The configuration as plain values, with every default filled in, in the order of the sections."""
        full = self.config.model_dump(mode="json", by_alias=True, exclude_none=True)
        return full | {"problems": {problem: self._override(problem) for problem in self.config.problems}}

    def engine(self) -> dict[str, Any]:
        """Settings of how losses and derivatives are computed: ``compile`` and ``memory``."""
        return self.config.engine.plain()

    def shards(self) -> dict[str, int]:
        """Numbers of shards of ``surfaces``, ``hessians`` and ``techniques``; they are not part of the settings of a stage."""
        return self.config.shards.plain()

    def model(self, problem: str) -> dict[str, Any]:
        """Settings that define the losses of ``problem``: ``network``, ``quadrature`` and ``parameters``."""
        return self.models[problem].plain()

    def training(self, problem: str) -> dict[str, Any]:
        """Settings of the trainings for ``problem``: ``log_every``, ``phases`` and ``snapshots``."""
        return self.trainings[problem].plain()

    def checkpoints(self) -> dict[str, float]:
        """Fractions of the training steps, by name of the checkpoint, in ascending order."""
        return fractions(self.config)

    def directions(self, plane: str) -> dict[str, Any]:
        """Settings of the random directions of a plane: ``normalization``, ``bias``, and ``lines`` for the bundle of lines.

        The dictionary is empty for planes without random directions.
        """
        self._check_plane(plane)
        names = {"random": ("bias", "normalization"), LINES: ("bias", "lines", "normalization")}.get(plane, ())
        return {name: getattr(self.config.directions, name) for name in names}

    def grid(self, plane: str) -> dict[str, Any]:
        """Settings of the grid of a plane: ``tolerance``, ``points`` and ``radius``.

        The plane ``trajectory`` has ``margin`` instead of ``radius``, and lines have ``line_points`` instead of ``points``.
        """
        self._check_plane(plane)
        grid = self.config.grid
        if plane == "trajectory":
            return {"margin": grid.margin, "points": grid.points, "tolerance": grid.tolerance}
        count = {"line_points": grid.line_points} if plane == LINES else {"points": grid.points}
        return {**count, "radius": grid.radius.of_plane(plane), "tolerance": grid.tolerance}

    def hessian(self) -> dict[str, Any]:
        """Settings of the spectra; their checkpoints are ``hessian_checkpoints``."""
        settings = self.config.hessian.plain()
        del settings["checkpoints"]
        return settings

    def technique(self, name: str) -> dict[str, Any]:
        """Settings of a technique, including ``directions`` if it uses normalised random directions."""
        settings = getattr(self.config.techniques, name).plain()
        return settings | ({"directions": self.directions("random")} if TECHNIQUES[name].directions else {})

    def claims(self) -> dict[str, Any]:
        """Thresholds of the verdicts."""
        return self.config.claims.plain()

    def figures(self) -> dict[str, Any]:
        """Settings of all figures; the seed that they show is ``figure_seed``."""
        return {"dpi": self.config.figures.dpi}

    def _check_plane(self, plane: str) -> None:
        if plane not in self.planes:
            raise ValueError(f"`plane` must be one of {', '.join(self.planes)}; got {plane!r}")


def parse(config: Any, catalog: Mapping[str, Entry] = CATALOG, source: str = "config.yaml") -> Study:
    """Validate a configuration and return it as a typed study.

    Args:
        config: the content of the YAML file; it is not modified.
        catalog: the known problems.
        source: name of the configuration in messages.

    Raises:
        StudyError: a setting is unknown, mistyped, out of range or contradicts another setting. The message is one line with
            its key.
    """
    check_form(config, source)
    try:
        completed = _completed(Configuration.model_validate(config, context={PROBLEMS: catalog}))
    except ValidationError as failure:
        first = min(failure.errors(include_url=False), key=rank)
        raise error(source, *described(first, _schema(catalog))) from None
    study = Study(completed)
    for key, text in contradictions(completed, study.models, study.trainings, catalog):
        raise error(source, key, text)
    return study


def _completed(config: Configuration) -> Configuration:
    """The configuration with the defaults filled in that follow from other keys."""
    seed = config.study.seeds[0] if config.figures.seed is None else config.figures.seed
    techniques = {name: _completed_section(settings, config) for name, settings in config.techniques if name in TECHNIQUES}
    return config.model_copy(
        update={
            "figures": config.figures.model_copy(update={"seed": seed}),
            "hessian": _completed_section(config.hessian, config),
            "techniques": config.techniques.model_copy(update=techniques),
        }
    )


def _completed_section(settings: Section, config: Configuration) -> Section:
    """A section in which the defaults of the keys ``eigensolver`` and ``checkpoints`` are filled in from the other sections."""
    changes: dict[str, Any] = {}
    if own := getattr(settings, "eigensolver", None):
        default = type(settings).model_fields["eigensolver"].get_default(call_default_factory=True)
        changes["eigensolver"] = config.eigensolver.overridden(default, own)
    if getattr(settings, "checkpoints", None) == ():
        changes["checkpoints"] = (*fractions(config), "final")
    return settings.model_copy(update=changes)


def _schema(catalog: Mapping[str, Entry]) -> dict[str, Any]:
    """The schema for error messages, which lists the names of the problems in the catalogue."""
    root = schema(Configuration)
    names = {**root["$defs"]["ProblemName"], "enum": sorted(catalog)}
    return {**root, "$defs": {**root["$defs"], "ProblemName": names}}
