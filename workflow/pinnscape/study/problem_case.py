"""Cases with a boundary value problem."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pinnscape.common.errors import PinnscapeError
from pinnscape.common.formulations import PHYSICS
from pinnscape.config.schema import suggestion
from pinnscape.config.sections import Model
from pinnscape.problems import statement
from pinnscape.problems.conditions import Periodic
from pinnscape.problems.loader import file_of, load, load_class
from pinnscape.problems.points import SETS
from pinnscape.problems.problem import Problem
from pinnscape.study.case import Case, Fault, named
from pinnscape.validation.presence import presence


@dataclass(frozen=True)
class ProblemCase(Case):
    """A case with a boundary value problem.

    Attributes:
        model: settings that define its losses.
        problem: the problem, with the parameters of the case.
    """

    model: Model
    problem: Problem

    @property
    def settings(self) -> dict[str, Any]:
        """``problem``, ``parameters``, ``conditions``, ``network`` and ``quadrature``."""
        return self.model.plain()

    @property
    def file(self) -> Path:
        """The file that defines the problem."""
        return file_of(self.model.problem)

    @property
    def all_losses(self) -> tuple[str, ...]:
        """All losses of the problem."""
        return tuple(statement.formulations(self.problem))

    @property
    def compared(self) -> tuple[str, ...]:
        """Both physics losses, if both are minimised."""
        return PHYSICS if set(PHYSICS) <= set(self.losses) else ()

    @property
    def size(self) -> int:
        """Number of parameters of the network."""
        settings = self.model.network
        inputs = 2 * settings.fourier or self.problem.domain.dimension + self._harmonics
        into = [(inputs, settings.width)] * (3 if settings.architecture == "modified" else 1)
        hidden = 2 * settings.depth + 1 if settings.architecture == "residual" else settings.depth
        sizes = [*into, *[(settings.width, settings.width)] * (hidden - 1), (settings.width, len(self.problem.components))]
        return sum((fan_in + 1) * fan_out for fan_in, fan_out in sizes)

    @property
    def _harmonics(self) -> int:
        """Number of additional inputs of the network due to hard periodicity."""
        conditions = statement.conditions(self.problem, self.model.condition_settings)
        return sum(2 * c.harmonics - 1 for c in conditions if isinstance(c, Periodic) and c.enforce == "hard")

    @property
    def has_terms(self) -> bool:
        """Whether one of the physics losses is a sum of several terms."""
        settings = self.model.condition_settings
        return any(len(statement.terms(self.problem, loss, settings)) > 1 for loss in self.losses if loss in PHYSICS)

    @property
    def needs_reference(self) -> bool:
        """Whether a numerical reference must be computed, because there is no exact solution."""
        return self.problem.reference is not None and not self.problem.has("exact")

    @property
    def has_field(self) -> bool:
        """True: figures show the solution."""
        return True

    def lacks(self, need: str) -> str:
        """Why the case does not have what a technique needs; empty if it has it."""
        match need:
            case "compared" | "pair":
                return "" if self.compared else f"needs the losses {named(PHYSICS)}"
            case "solution":
                known = self.problem.has("exact") or self.problem.reference is not None
                return "" if known else "needs an exact solution or a reference"
            case "permutable":
                chain = self.model.network.architecture == "mlp"
                return "" if chain else "needs a network whose hidden units can be permuted, network.architecture: mlp"
            case "draws":
                random = self.model.quadrature.rule in SETS
                return "" if random else f"needs random points, quadrature.rule: {', '.join(SETS)}"
        return ""

    def is_like(self, other: Case) -> bool:
        """Whether the other case has the same settings."""
        if not isinstance(other, ProblemCase) or self.problem.parameters != other.problem.parameters:
            return False
        models = [case.model.model_copy(update={"parameters": {}}) for case in (self, other)]
        return models[0] == models[1] and self.training == other.training


def checked_problem(start: str, model: Model) -> Problem:
    """The problem of a case.

    Args:
        start: text before the keys of the case in error messages.
        model: settings of the case.

    Raises:
        Fault: the problem cannot be used, or a parameter or condition is invalid.
    """
    try:
        cls = load_class(model.problem)
        _check_parameters(f"{start}parameters", cls, model.parameters)
        problem = load(model.problem, model.parameters)
        presence(problem)
        _check_conditions(f"{start}conditions", problem, model.condition_settings)
        return problem
    except PinnscapeError as error:
        raise Fault(f"{start}problem", str(error)) from error


def _check_parameters(key: str, cls: type[Problem], parameters: Mapping[str, float]) -> None:
    table = cls.parameter_table()
    for name, number in parameters.items():
        if name not in table:
            takes = f"one of {', '.join(sorted(table))}" if table else "left out: this problem has no parameters"
            raise Fault(f"{key}.{name}", f"unknown name; must be {takes}{suggestion(name, table)}")
        try:
            table[name].checked(number, cls.__name__)
        except ValueError:
            raise Fault(f"{key}.{name}", f"must be {table[name].range}; got {number:g}") from None


def _check_conditions(key: str, problem: Problem, settings: Mapping[str, Any]) -> None:
    statement.conditions(problem)  # an error in the class itself is reported as such
    for name, own in settings.items():
        try:
            statement.conditions(problem, {name: own})
        except ValueError as error:
            known = statement.names(problem)
            raise Fault(f"{key}.{name}", f"{error}{'' if name in known else suggestion(name, known)}") from None
    try:
        statement.ansatz(problem, settings)
    except PinnscapeError as error:
        if not settings:
            raise  # a fault of the problem
        raise Fault(key, str(error)) from error
