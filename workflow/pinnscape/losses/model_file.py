"""The losses of a torch module that a file defines, and what is known of them before a study begins."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from pinnscape.common.errors import ModelError
from pinnscape.common.texts import shown
from pinnscape.config.sections import Module
from pinnscape.losses import scalars
from pinnscape.losses.functional import Flat
from pinnscape.losses.module import ModuleLosses
from pinnscape.losses.module_checks import note_graph
from pinnscape.models import file, patterns, weights
from pinnscape.models.file import ModelFile
from pinnscape.models.known import Known
from pinnscape.models.states import fixed
from pinnscape.networks import modules


def family(settings: Module, device: str = "cpu") -> ModuleLosses:
    """All losses of a case with a torch module.

    The parameters of the module are those of seed 0; what is not trainable, such as buffers, is that of the first trained
    weights, if there are any. A module in single precision is evaluated in double precision.

    Raises:
        ModelError: the file cannot be used.
    """
    found = file.load(settings.module)
    module = _module(found, settings).to(device)
    made = _losses(found, module, settings.compared)
    with found.naming("losses"):
        for loss in made.losses:
            note_graph(made, loss)
    return made


def inspected(settings: Module, seeds: Sequence[int] = ()) -> Known:
    """What is known of a model, and a check that all trained weights fit it.

    Args:
        settings: the settings of the case.
        seeds: seeds of the trainings; not of importance if there are trained weights.

    Raises:
        ModelError: the file cannot be used, or weights do not fit the module.
    """
    found = file.load(settings.module)
    module = _module(found, settings)
    losses = _losses(found, module, settings.compared)
    _check_fixed(found, settings, losses, seeds)
    with found.naming("error"):
        measures = losses.measures
    with found.naming("losses"):
        several = tuple(dict.fromkeys(name.partition("/")[0] for name in losses.terms))
        permutable = losses.layout.permutable
    return Known(
        losses.losses,
        several,
        tuple(losses.residuals),
        measures,
        losses.size,
        permutable,
        losses.batches,
        found.train is not None,
    )


def start(settings: Module, seed: int) -> nn.Module:
    """The module with the initial parameters of a seed.

    Raises:
        ModelError: the file cannot be used.
    """
    return file.load(settings.module).module(settings.parameters, seed)


def _module(found: ModelFile, settings: Module) -> nn.Module:
    module = found.module(settings.parameters)
    return weights.loaded(module, patterns.find(settings.checkpoints)[0].path) if settings.checkpoints else module


def _losses(found: ModelFile, module: nn.Module, compared: Sequence[str]) -> ModuleLosses:
    functions = found.functions(module)
    where = shown(found.path)
    others = {kind: found.functions(module, kind) for kind in ("residuals", "fresh")}
    for kind, names in (*others.items(), ("minimum", found.minimum)):
        if unknown := [name for name in names if name not in functions]:
            raise ModelError(f"{where}: `{kind}` names {unknown[0]}, which is not a loss; there are {', '.join(functions)}")
    if missing := [name for name in compared if name not in functions]:
        raise ModelError(f"{where}: has no loss {missing[0]} to compare; it has {', '.join(functions)}")
    return ModuleLosses(
        module,
        functions,
        error=found.error,
        residuals=others["residuals"],
        minimum=found.minimum,
        precise=any(p.dtype == torch.float32 for p in modules.trainable(module).values()),
        fresh=others["fresh"],
        batches=found.batches,
        compared=compared,
    )


def _check_fixed(found: ModelFile, settings: Module, losses: ModuleLosses, seeds: Sequence[int]) -> None:
    """Check that the losses are the same function of the parameters for all trained weights and all seeds.

    Raises:
        ModelError: weights do not fit the module, or a buffer or frozen parameter differs and changes a loss.
    """
    module, theta = losses.flat.module, losses.flat.theta
    for name, other in _others(found, settings, module, seeds):
        own, given = fixed(module), fixed(other)
        differing = [key for key, value in own.items() if not torch.equal(value, given[key])]
        if differing and not _same(losses, Flat(other, precise=losses.flat.precise), theta):
            raise ModelError(
                f"{name}: its {differing[0]} is not that of the other weights and changes the losses, which must be one function of "
                "the trainable parameters; fix it in model(), or, for batch normalisation, leave the module in training mode"
            )


def _others(found: ModelFile, settings: Module, module: nn.Module, seeds: Sequence[int]) -> Any:
    """Names and modules of all trained weights or, without any, of all seeds; one at a time."""
    if settings.checkpoints:
        for saved in patterns.find(settings.checkpoints):
            yield shown(saved.path), weights.loaded(module, saved.path)
    else:
        for seed in seeds:
            yield f"{shown(found.path)}: seed {seed}", found.module(settings.parameters, seed)


def _same(losses: ModuleLosses, other: Flat, theta: torch.Tensor) -> bool:
    """Whether another module with the same parameters theta (P,) has exactly the same losses, term by term; NaN equals NaN."""
    leaf = theta.clone().requires_grad_()

    def terms(flat: Flat) -> torch.Tensor:
        named = [scalars.named(flat(function, leaf), loss, "loss") for loss, function in losses.functions.items()]
        return torch.stack([value.detach() for values in named for value in values.values()])

    return torch.allclose(terms(other), terms(losses.flat), rtol=0.0, atol=0.0, equal_nan=True)
