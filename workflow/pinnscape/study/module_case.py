"""Cases with a torch module, trained here or elsewhere."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pinnscape.common.errors import PinnscapeError
from pinnscape.config.schema import shown, suggestion
from pinnscape.config.sections import Module, TrainingSettings
from pinnscape.models.known import Known
from pinnscape.models.patterns import by_run, find
from pinnscape.models.registry import file_of
from pinnscape.study.case import Case, Fault, named
from pinnscape.study.inspection import Weights, inspect

# Keys of a case with a boundary value problem.
_OF_PROBLEMS = ("problem", "conditions", "network", "quadrature")


@dataclass(frozen=True)
class ModuleCase(Case):
    """A case with a torch module.

    Attributes:
        model: settings that define its losses.
        known: what its file defines.
        weights: files of trained weights by loss and seed, in the order of the steps; the loss is empty if paths do not name it.
    """

    model: Module
    known: Known
    weights: Weights

    @property
    def settings(self) -> dict[str, Any]:
        """``module``, ``parameters``, ``checkpoints`` and ``compared``."""
        return self.model.plain()

    @property
    def file(self) -> Path:
        """The file that defines the module."""
        return file_of(self.model.module)

    @property
    def all_losses(self) -> tuple[str, ...]:
        """All losses that the file defines."""
        return self.known.losses

    @property
    def compared(self) -> tuple[str, ...]:
        """The two losses that claims compare."""
        return tuple(self.model.compared) or (self.known.losses[:2] if len(self.known.losses) > 1 else ())

    @property
    def size(self) -> int:
        """Number of trainable parameters."""
        return self.known.size

    @property
    def has_terms(self) -> bool:
        """Whether a loss is a sum of several terms."""
        return bool(self.known.several)

    @property
    def trained_by(self) -> str:
        """How the weights come about: ``checkpoints`` (files), ``module`` (by its function ``train``) or ``workflow``."""
        return _trained_by(self.model, self.known)

    @property
    def is_trained_here(self) -> bool:
        """Whether the workflow trains the module, with the settings ``training``."""
        return self.trained_by == "workflow"

    def weights_of(self, loss: str, seed: int) -> Sequence[Path]:
        """The files of trained weights of a run, in the order of the steps; empty if the module is trained here."""
        return self.weights.get((loss if _names_losses(self.weights) else "", seed), ())

    def lacks(self, need: str) -> str:
        """Why the case does not have what a technique needs; empty if it has it."""
        match need:
            case "pair":
                return "" if self.compared else "needs two losses"
            case "compared":
                trained = set(self.compared) <= set(self.losses)
                return self.lacks("pair") or ("" if trained else f"needs trainings on {named(self.compared)}")
            case "solution":
                return (
                    ""
                    if "l2_error" in self.known.measures
                    else "needs errors of a known solution: error() measures no l2_error"
                )
            case "permutable":
                return "" if self.known.permutable else "needs a module whose hidden units can be permuted"
            case "residuals":
                lacking = [loss for loss in self.known.losses if loss not in self.known.squared]
                return f"needs the residuals of {named(lacking)}" if lacking else ""
            case "problem":
                return "needs a boundary value problem"
            case "draws":
                return "" if self.known.batches else "needs mini-batches"
        return ""

    def is_like(self, other: Case) -> bool:
        """Whether the other case has the same settings."""
        return isinstance(other, ModuleCase) and (self.model, self.training) == (other.model, other.training)


def module_case(
    name: str, start: str, own: Mapping[str, Any], training: TrainingSettings, seeds: Sequence[int], sweep: str
) -> ModuleCase:
    """A case with a torch module.

    Args:
        name: name of the case.
        start: text before its keys in error messages.
        own: its settings.
        training: settings of the training.
        seeds: seeds of the study.
        sweep: name of the sweep that makes the case, or an empty string.

    Raises:
        Fault: the module cannot be used, trained weights do not fit it, or a setting is invalid.
    """
    for key in _OF_PROBLEMS:
        if key in own:
            raise Fault(f"{start}{key}", f"has no effect on a case with a module; remove {key}, or module")
    fields = {key: own[key] for key in ("module", "checkpoints", "compared") if key in own}
    model = Module.of(fields | {"parameters": own.get("parameters", {})})
    weights = _located(f"{start}checkpoints", model.checkpoints)
    try:
        known = inspect(model, seeds, weights)
    except PinnscapeError as error:
        raise Fault(f"{start}module", str(error)) from error
    if _trained_by(model, known) != "workflow" and "training" in own:
        by = "its weights are those of checkpoints" if model.checkpoints else "the module trains itself"
        raise Fault(f"{start}training", f"has no effect, because {by}")
    if training.minibatches and not known.batches:
        raise Fault(f"{start}training.minibatches", "must be false, because the file of the module does not define `batches`")
    if training.minibatches and any(phase.optimizer != "adam" for phase in training.phases):
        raise Fault(f"{start}training.phases", "must be phases of adam, because lbfgs cannot use mini-batches")
    losses = _minimised(start, tuple(own.get("losses", ())), model, known, weights)
    return ModuleCase(name, losses, _seeds(start, losses, weights, seeds), training, sweep, model, known, weights)


def _located(key: str, pattern: str) -> Weights:
    """The files of trained weights by run; empty without a pattern."""
    try:
        return {run: [each.path for each in saved] for run, saved in by_run(find(pattern)).items()} if pattern else {}
    except PinnscapeError as error:
        raise Fault(key, str(error)) from error


def _trained_by(model: Module, known: Known) -> str:
    return "checkpoints" if model.checkpoints else "module" if known.trains else "workflow"


def _names_losses(weights: Weights) -> bool:
    """Whether the paths of trained weights name the losses."""
    return any(loss for loss, _ in weights)


def _minimised(start: str, wanted: tuple[str, ...], model: Module, known: Known, weights: Weights) -> tuple[str, ...]:
    """The losses that were or will be minimised."""
    losses = known.losses
    for loss in wanted:
        if loss not in losses:
            text = f"must be losses of the module ({', '.join(losses)}); got {shown(loss)}{suggestion(loss, losses)}"
            raise Fault(f"{start}losses", text)
    if _names_losses(weights):
        found = {loss for loss, _ in weights}
        if unknown := sorted(found - set(losses)):
            text = f"has weights of {unknown[0]}, which is not a loss of the module ({', '.join(losses)})"
            raise Fault(f"{start}checkpoints", text)
        if wanted:
            raise Fault(f"{start}losses", "has no effect, because the paths of checkpoints name the losses")
        return tuple(loss for loss in losses if loss in found)
    if _trained_by(model, known) == "workflow":
        return tuple(loss for loss in losses if not wanted or loss in wanted)
    if len(wanted) > 1:
        raise Fault(f"{start}losses", f"must be the one loss that was minimised; got {', '.join(wanted)}")
    return wanted or losses[:1]


def _seeds(start: str, trained: Sequence[str], weights: Weights, seeds: Sequence[int]) -> tuple[int, ...]:
    if not weights:
        return tuple(seeds)
    own = sorted({seed for _, seed in weights})
    for loss in trained if _names_losses(weights) else ():
        if missing := [seed for seed in own if (loss, seed) not in weights]:
            raise Fault(f"{start}checkpoints", f"has weights of seed {missing[0]}, but none of {loss}")
    return tuple(own)
