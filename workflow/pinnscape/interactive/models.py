"""Losses of users' own models, for interactive use."""

import logging
from collections.abc import Mapping
from typing import Any

from torch import nn

from pinnscape.losses.functional import Function
from pinnscape.losses.module import ModuleLosses
from pinnscape.losses.module_checks import check
from pinnscape.losses.module_objective import ModuleObjective

log = logging.getLogger(__name__)


def from_torch(
    module: nn.Module,
    loss: Function | Mapping[str, Function],
    *,
    name: str = "loss",
    error: Function | None = None,
    residuals: Function | None = None,
    minimum: float | None = None,
    batches: int = 0,
    precise: bool = False,
    checked: bool = True,
) -> ModuleObjective:
    """A loss of any torch module as a function of its trainable parameters.

    Args:
        module: the module. It is never changed; the parameters of the loss are those with ``requires_grad``.
        loss: function of the module that returns a scalar tensor, or the terms of the loss, which are added, as a dictionary.
            It may call ``torch.autograd.grad`` itself and must be a deterministic function of the parameters. A dictionary of
            functions defines several losses, of which the first one is returned and all are measured.
        name: name of the loss, if there is one.
        error: function of the module that returns a number or a dictionary of numbers, such as errors or accuracies.
        residuals: function of the module that returns the residuals of the loss, if it is the sum of their squares; a tensor,
            or a dictionary of those of each term. Gauss-Newton products and kernels need it.
        minimum: the lowest possible value of the loss, if it is known.
        batches: number of mini-batches. The functions ``loss`` then take an argument ``batch``, the index of a mini-batch or None
            for all data; ``drawn(k)`` of the result is the loss of one mini-batch, which its name states.
        precise: whether a module in single precision is evaluated in double precision, which takes 20 to 40 percent longer.
        checked: whether derivatives are compared with central differences first, which takes some tens of evaluations.

    Returns:
        The loss, with ``theta`` (the current parameters), ``size`` (their number P), ``loss(theta)``, ``gradient(theta)``,
        ``hessian_product(theta, vectors)`` and ``terms(theta)``.

    Raises:
        ModelError: the parameters cannot be joined to one vector, or the loss is random, does not depend on the parameters,
            has wrong derivatives or changes the module.
    """
    functions = dict(loss) if isinstance(loss, Mapping) else {name: loss}
    first = next(iter(functions))
    family = ModuleLosses(
        module,
        functions,
        error=error,
        residuals={} if residuals is None else {first: residuals},
        minimum={} if minimum is None else {first: minimum},
        precise=precise,
        batches=batches,
    )
    if checked:
        for warning in check(family).warnings:
            log.warning("%s", warning)
    return family.objective(first)


def deepxde_loss(model: Any) -> Function:
    """The training loss of a DeepXDE model (PyTorch backend) as a function of its network, for the file of a case.

    Args:
        model: a compiled ``deepxde.Model``. Its current training points are used.

    Returns:
        A function that takes a network like that of the model, and returns the terms of the loss by name.

    Raises:
        ModelError: the model is not compiled, or has no PyTorch network.
    """
    from pinnscape.interactive.deepxde import functions

    return functions(model)[1]


def from_deepxde(model: Any, *, checked: bool = True) -> ModuleObjective:
    """The training loss of a DeepXDE model (PyTorch backend), with its terms.

    Args:
        model: a compiled ``deepxde.Model``. Its current training points are used.
        checked: whether derivatives are compared with central differences first.

    Returns:
        The loss, with a term for each equation and each condition, multiplied by its weight.

    Raises:
        ModelError: the model is not compiled, or has no PyTorch network.
    """
    from pinnscape.interactive.deepxde import functions

    module, loss = functions(model)
    return from_torch(module, loss, name="pinn", checked=checked)
