"""The validated configuration as a typed study, and the settings that each stage of the workflow depends on.

A stage reruns when its settings change, so each method of ``Study`` returns exactly the settings that its stage depends on, as
plain values.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, get_args

from pydantic import ValidationError

from pinnscape.config.reading import check_form
from pinnscape.config.schema import described, error, rank, schema
from pinnscape.config.section import Section
from pinnscape.config.sections import HessianSettings, Plane
from pinnscape.study.case import Case, Fault
from pinnscape.study.cases import all_cases, swept
from pinnscape.study.checks import contradictions, missing
from pinnscape.study.configuration import Configuration
from pinnscape.techniques.catalog import TECHNIQUES

LINES = "lines"
_RANDOM = ("bias", "normalization")  # settings of random directions


def fractions(config: Configuration) -> dict[str, float]:
    """The named checkpoints and their fractions of the training steps, in ascending order of the fractions."""
    return dict(sorted(config.checkpoints.items(), key=lambda item: (item[1], item[0])))


@dataclass(frozen=True)
class Study:
    """A validated study.

    Attributes:
        config: all sections, with all defaults filled in.
        all_cases: cases by name; those of sweeps come last.
    """

    config: Configuration
    all_cases: Mapping[str, Case]

    @property
    def cases(self) -> tuple[str, ...]:
        """Names of the cases in the order of the file, followed by those of sweeps."""
        return tuple(self.all_cases)

    def losses(self, case: str) -> tuple[str, ...]:
        """Losses that are minimised for a case."""
        return self.all_cases[case].losses

    @cached_property
    def cases_by_losses(self) -> dict[tuple[str, ...], tuple[str, ...]]:
        """Names of the cases for which the same losses are minimised, by these losses, in the order of the cases."""
        found: dict[tuple[str, ...], tuple[str, ...]] = {}
        for name, case in self.all_cases.items():
            found[case.losses] = (*found.get(case.losses, ()), name)
        return found

    @cached_property
    def sweeps(self) -> dict[str, dict[Any, str]]:
        """The name of the case for each value of a sweep, by name of the sweep."""
        return swept(self.config, self.all_cases)

    @property
    def swept_values(self) -> dict[str, tuple[str, Any]]:
        """Name of the sweep to which a case belongs (the first one of several) and value of the varied setting, by case."""
        found: dict[str, tuple[str, Any]] = {}
        for sweep, cases in self.sweeps.items():
            found = {case: (sweep, value) for value, case in cases.items()} | found
        return found

    def seeds(self, case: str) -> tuple[int, ...]:
        """Seeds of the trainings of a case."""
        return self.all_cases[case].seeds

    @cached_property
    def all_losses(self) -> tuple[str, ...]:
        """All losses that are evaluated in any case."""
        return tuple(dict.fromkeys(loss for case in self.all_cases.values() for loss in case.all_losses))

    @property
    def device(self) -> str:
        """``auto``, ``cpu`` or ``cuda``."""
        return self.config.device

    @property
    def runs(self) -> list[tuple[str, str, int]]:
        """Case, loss and seed of each training."""
        return [(name, loss, seed) for name, case in self.all_cases.items() for loss in case.losses for seed in case.seeds]

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

    def techniques_of(self, case: str) -> tuple[str, ...]:
        """Names of the techniques that apply to a case; ``left_out`` gives the reasons why others do not."""
        without = self.left_out(case)
        return tuple(name for name in self.techniques if name not in without)

    def left_out(self, case: str) -> dict[str, str]:
        """The techniques that do not apply to a case, with reasons; also the claim ``alike`` if there are no two losses."""
        needs = {name: TECHNIQUES[name].needs for name in self.techniques} | {"alike": ("pair",)}
        found = {name: missing(needs[name], self.all_cases[case]) for name in needs}
        return {name: reason for name, reason in found.items() if reason}

    @property
    def checkpoint_names(self) -> tuple[str, ...]:
        """All checkpoints in this order: ``init``, the named checkpoints, ``best``, ``final``."""
        return ("init", *self.checkpoints(), "best", "final")

    @property
    def hessian_checkpoints(self) -> tuple[str, ...]:
        """The checkpoints whose Hessians are analysed, in order."""
        return tuple(name for name in self.checkpoint_names if name in self.config.hessian.checkpoints)

    def figure_seed(self, case: str) -> int:
        """The seed that figures of planes and solutions of a case show."""
        return self.all_cases[case].shown_seed(self.config.figures.seed)

    def complete(self) -> dict[str, Any]:
        """The configuration as plain values, with every default filled in, in the order of the sections."""
        full = self.config.model_dump(mode="json", by_alias=True, exclude_none=True)
        own = {name: settings.plain(given=True) for name, settings in self.config.cases.items()}
        return full | {"cases": own}

    def engine(self) -> dict[str, Any]:
        """Settings of how losses and derivatives are computed: ``compile`` and ``memory``."""
        return self.config.engine.plain()

    def shards(self) -> dict[str, int]:
        """Numbers of shards of ``surfaces``, ``hessians`` and ``techniques``; they are not part of the settings of a stage."""
        return self.config.shards.plain()

    def model(self, case: str) -> dict[str, Any]:
        """What defines the losses of a case."""
        return self.all_cases[case].settings

    def training(self, case: str) -> dict[str, Any]:
        """How networks for a case are trained: ``log_every``, ``phases`` and ``snapshots``; empty if they are trained elsewhere."""
        own = self.all_cases[case]
        return own.training.plain() if own.is_trained_here else {}

    def checkpoints(self) -> dict[str, float]:
        """Fractions of the training steps, by name of the checkpoint, in ascending order."""
        return fractions(self.config)

    def directions(self, plane: str) -> dict[str, Any]:
        """Settings of the random directions of a plane: ``normalization``, ``bias``, and ``lines`` for the bundle of lines.

        The dictionary is empty for planes without random directions.
        """
        self._check_plane(plane)
        names = {"random": _RANDOM, LINES: ("lines", *_RANDOM)}.get(plane, ())
        return self._of_directions(names)

    def _of_directions(self, names: tuple[str, ...]) -> dict[str, Any]:
        return {name: getattr(self.config.directions, name) for name in sorted(names)}

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
        return settings | ({"directions": self._of_directions(_RANDOM)} if TECHNIQUES[name].directions else {})

    def claims(self) -> dict[str, Any]:
        """Thresholds of the verdicts."""
        return self.config.claims.plain()

    def baseline(self) -> list[str]:
        """Name and first loss of the case that is the baseline of the claims. The list is empty if the study has no such case."""
        name = self.config.claims.data_driven.baseline
        return [name, self.losses(name)[0]] if name in self.all_cases else []

    def figures(self) -> dict[str, Any]:
        """Settings of all figures; the seed that they show is ``figure_seed``."""
        return {"dpi": self.config.figures.dpi}

    def _check_plane(self, plane: str) -> None:
        if plane not in self.planes:
            raise ValueError(f"`plane` must be one of {', '.join(self.planes)}; got {plane!r}")


def parse(config: Any, source: str = "config.yaml") -> Study:
    """Check a configuration and make the typed study of it.

    Args:
        config: the configuration as read from YAML; it is not changed.
        source: name of the configuration in messages.

    Raises:
        StudyError: a setting is unknown, mistyped, out of range or contradicts another one, or a problem cannot be used; the
            message names its key in one line.
    """
    check_form(config, source)
    try:
        found = _completed(Configuration.model_validate(config))
    except ValidationError as failure:
        first = min(failure.errors(include_url=False), key=rank)
        raise error(source, *described(first, schema(Configuration))) from None
    try:
        study = Study(found, all_cases(found))
    except Fault as fault:
        raise error(source, fault.key, fault.text) from None
    for key, text in contradictions(found, study.all_cases):
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
        first = ("init",) if isinstance(settings, HessianSettings) else ()
        changes["checkpoints"] = (*first, *fractions(config), "final")
    return settings.model_copy(update=changes)
