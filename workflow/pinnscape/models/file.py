"""Files that define a torch module and its losses: ``my_pinn.py``.

Such a file defines ``model``, and either ``loss`` or ``losses``. All other names are optional:

- ``model()`` makes the module. Its arguments, which must have defaults, can be set in the configuration.
- ``losses`` is a dictionary of functions by name of the loss, or a function that returns a dictionary of values. A function
  takes the module and returns a scalar tensor, or the terms of the loss by name. ``loss`` defines a single loss.
- ``error(model)`` returns a number or a dictionary of numbers, such as errors and accuracies.
- ``residuals`` and ``fresh`` are like ``losses``: the residuals of losses that are sums of squares, and the losses at points
  that the training does not use.
- ``minimum`` is a dictionary of the lowest possible values of losses.
- ``batches`` is the number of mini-batches. The functions of ``losses`` then take an argument ``batch``, the index of a
  mini-batch or None for all data.
- ``train(model, seed, snapshot)`` trains the module and calls ``snapshot(step)`` after each step.
"""

import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from pinnscape.common.errors import ModelError
from pinnscape.common.formulations import FORMULATIONS
from pinnscape.common.texts import cut, said, shown
from pinnscape.common.user_files import imported, line_of, reporting
from pinnscape.config.schema import suggestion
from pinnscape.models.entries import Entry, Function
from pinnscape.models.registry import file_of

_WHAT = "a model"
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,39}")
_TAKEN = {*FORMULATIONS, "random", "trajectory", "lines", "hessian-top", "hessian-extreme"}


@dataclass(frozen=True)
class ModelFile:
    """What a file defines.

    Attributes:
        path: the file.
        make: the function ``model``.
        losses: functions by name of the loss; for a file with one function for all losses, the function itself.
        error: the function ``error``, if any.
        residuals: functions by name of the loss, or one for all.
        fresh: functions by name of the loss, or one for all.
        minimum: lowest possible values by name of the loss.
        batches: number of mini-batches; 0 for none.
        train: the function ``train``, if any.
    """

    path: Path
    make: Callable[..., nn.Module]
    losses: Function | Mapping[str, Function]
    error: Function | None
    residuals: Function | Mapping[str, Function]
    fresh: Function | Mapping[str, Function]
    minimum: Mapping[str, float]
    batches: int
    train: Function | None

    def module(self, parameters: Mapping[str, float] | None = None, seed: int = 0) -> nn.Module:
        """The module with initial parameters that depend on the seed.

        Args:
            parameters: values of arguments of ``model``.
            seed: seed of torch's random numbers.

        Raises:
            ModelError: an argument is unknown or has the wrong type, or the function fails.
        """
        given = self._arguments(parameters or {})
        with torch.random.fork_rng(devices=[]), self.naming("model"):
            torch.manual_seed(seed)
            found = self.make(**given)
        if not isinstance(found, nn.Module):
            raise ModelError(f"{shown(self.path)}: model() must return a torch.nn.Module, not {type(found).__name__}")
        return found

    def functions(self, module: nn.Module, kind: str = "losses") -> dict[str, Function]:
        """The functions by name of the loss.

        Args:
            module: the module, at which a function that returns all losses is evaluated once, for their names.
            kind: ``losses``, ``residuals`` or ``fresh``.

        Raises:
            ModelError: a name cannot be used, or the function fails.
        """
        given = getattr(self, kind)
        if callable(given):
            with self.naming(kind):
                values = given(module)
            if not isinstance(values, Mapping):
                raise ModelError(
                    f"{shown(self.path)}: {kind}(model) must return a dictionary of losses by name, not "
                    f"{type(values).__name__}; a function that returns one loss is named `loss`"
                )
            given = {str(name): Entry(given, name) for name in values}
        self._check_names(kind, given)
        return dict(given)

    @contextmanager
    def naming(self, what: str) -> Iterator[None]:
        """Report any error in the block as an error of the file, with the line, except a lack of memory.

        Raises:
            ModelError: the block has raised an error.
        """

        def told(error: Exception) -> ModelError:
            where = line_of(error, self.path)
            return ModelError(f"{shown(self.path)}: {where}`{what}` fails ({type(error).__name__}: {said(error)})")

        with reporting(told):
            yield

    def _arguments(self, parameters: Mapping[str, float]) -> dict[str, Any]:
        """The arguments of ``model``; numbers have the types of the defaults, because YAML and sweeps do not keep them."""
        known = inspect.signature(self.make).parameters
        for name, own in known.items():
            if own.default is own.empty and own.kind not in (own.VAR_POSITIONAL, own.VAR_KEYWORD):
                raise ModelError(f"{shown(self.path)}: the argument {name} of model() must have a default value")
        found: dict[str, Any] = {}
        for name, number in parameters.items():
            if name not in known:
                text = f"takes {', '.join(known)}" if known else "takes no arguments"
                raise ModelError(f"{shown(self.path)}: model() has no argument {name}; it {text}{suggestion(name, known)}")
            default = known[name].default
            if isinstance(default, bool) or not isinstance(default, int):
                found[name] = number
            elif float(number).is_integer():
                found[name] = int(number)
            else:
                raise ModelError(f"{shown(self.path)}: the argument {name} of model() must be a whole number; got {number:g}")
        return found

    def _check_names(self, kind: str, given: Mapping[str, Function]) -> None:
        for name in given:
            if not _NAME.fullmatch(str(name)):
                raise ModelError(
                    f"{shown(self.path)}: {kind}: the name {cut(repr(name))} of a loss must consist of at most 40 letters, digits, "
                    "hyphens and underscores, and start with a letter"
                )
            if name in _TAKEN:
                raise ModelError(
                    f"{shown(self.path)}: {kind}: the name {name} has another meaning in pinnscape; rename the loss"
                )
        if len({name.lower() for name in given}) < len(given):
            raise ModelError(f"{shown(self.path)}: {kind}: names of losses must not differ in case only")


def load(name: str) -> ModelFile:
    """Load a model.

    Args:
        name: a name in ``registry.MODELS``, or a path that ends in ``.py``.

    Raises:
        ModelError: there is no such model, or its file cannot be used.
    """
    path = file_of(name)
    found = vars(imported(path, _WHAT, ModelError))
    _check_kinds(path, found)
    losses = found["losses"] if "losses" in found else {"loss": found["loss"]}
    return ModelFile(
        path,
        found["model"],
        losses,
        found.get("error"),
        found.get("residuals", {}),
        found.get("fresh", {}),
        dict(found.get("minimum", {})),
        found.get("batches", 0),
        found.get("train"),
    )


def _check_kinds(path: Path, found: Mapping[str, Any]) -> None:
    where = shown(path)
    if not callable(found.get("model")):
        raise ModelError(f"{where}: must define a function model() that returns a torch.nn.Module")
    if ("loss" in found) == ("losses" in found):
        both = "both `loss` and `losses`; remove one" if "loss" in found else "neither `loss` nor `losses`; define one"
        raise ModelError(f"{where}: defines {both}")
    for name in ("loss", "error", "train"):
        if name in found and not callable(found[name]):
            raise ModelError(f"{where}: `{name}` must be a function, not {type(found[name]).__name__}")
    for name in ("losses", "residuals", "fresh"):
        own = found.get(name, {})
        if not callable(own) and not (isinstance(own, Mapping) and all(callable(each) for each in own.values())):
            raise ModelError(f"{where}: `{name}` must be a dictionary of functions, or a function that returns a dictionary")
    numbers = found.get("minimum", {})
    if not isinstance(numbers, Mapping) or not all(isinstance(number, (int, float)) for number in numbers.values()):
        raise ModelError(f"{where}: `minimum` must be a dictionary of numbers by name of the loss")
    batches = found.get("batches", 0)
    if not isinstance(batches, int) or isinstance(batches, bool) or batches < 0:
        raise ModelError(f"{where}: `batches` must be the number of mini-batches, a whole number; got {cut(repr(batches))}")
    if batches and not all(_takes_batches(own) for own in _each(found)):
        raise ModelError(f"{where}: with `batches`, each loss must take an argument `batch`, as in def loss(model, batch=None)")


def _each(found: Mapping[str, Any]) -> list[Function]:
    own = found.get("losses", found.get("loss"))
    return list(own.values()) if isinstance(own, Mapping) else [own]


def _takes_batches(function: Function) -> bool:
    return "batch" in inspect.signature(function).parameters
