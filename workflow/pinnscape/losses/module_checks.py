"""Checks of the losses of a module, before anything is computed from them.

Most mistakes in a user's function do not raise an exception: a loss that does not use its argument has the gradient zero, and
random points make each evaluation a different function.
"""

import logging
import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from pinnscape.common.errors import ModelError
from pinnscape.losses.differences import TOLERANCE, deviation
from pinnscape.losses.module import ModuleLosses
from pinnscape.losses.module_objective import ModuleObjective
from pinnscape.networks.arithmetic import total

log = logging.getLogger(__name__)

_SPREAD = 0.1  # size of a random change of the parameters, relative to their root mean square
_DIRECTIONS = 3
_GRADIENT = 1e-5  # largest deviation of a gradient from central differences, which kinks make less accurate
_SYMMETRIC = 1e-6  # largest relative deviation of uᵀHv from vᵀHu
_SAME = 1e-3  # relative deviation of a loss in single precision from the same loss in double precision
_SHORT_STEP = 1e-6
_KINK = (
    0.01  # difference of the quotients of both sides, relative to their deviation from the product, above which there are kinks
)
_ROUGH = 1e-2  # deviation of a derivative that can be checked in single precision only
_CUT = "`.detach()`, `.item()`, numpy or `torch.no_grad()` cut the derivatives, or `create_graph=True` is missing in `torch.autograd.grad`"


@dataclass(frozen=True)
class Report:
    """Deviations of derivatives from central differences and their tolerances, by name, and warnings.

    The tolerance is infinite for the Hessian of a loss with kinks.
    """

    deviations: dict[str, float]
    tolerances: dict[str, float]
    warnings: tuple[str, ...]


def check(family: ModuleLosses) -> Report:
    """Check all losses at the current parameters of the module and near them.

    Raises:
        ModelError: a loss does not depend on the parameters, is random, is not differentiable, has a wrong derivative or
            changes the module.
    """
    before = _state(family.flat.module)
    found: dict[str, float] = {}
    tolerances: dict[str, float] = {}
    warnings: list[str] = []
    for loss in family.losses:
        _check_value(family, loss)
        note_graph(family, loss)
        probe, tolerance = _probe(family, loss)
        theta = _near(probe)
        found[f"{loss}_gradient"] = _check_gradient(probe, theta, tolerance)
        found[f"{loss}_hessian"] = _check_hessian(probe, theta, tolerance, warnings)
        tolerances[f"{loss}_gradient"] = max(tolerance, _GRADIENT)
        tolerances[f"{loss}_hessian"] = tolerance if found[f"{loss}_hessian"] <= tolerance else math.inf
        if loss in family.residuals:
            _check_squares(family.objective(loss))
    if changed := _changed(before, family.flat.module):
        raise ModelError(f"a loss or error changes {changed} of the module; it must only evaluate the module, and not train it")
    return Report(found, tolerances, tuple(warnings))


# ---- values ----


def _check_value(family: ModuleLosses, loss: str) -> None:
    theta = family.flat.theta
    leaf = theta.clone().requires_grad_()
    value = total(family.terms_of(loss, leaf).values())
    again, moved = (family.objective(loss).loss(at) for at in (theta, theta + _random(theta, 0) * _scale(theta)))
    if not torch.equal(value.detach(), again) and not (value.isnan() and again.isnan()):
        raise ModelError(f"the loss {loss} is random: {_randomness(family.flat.module, float(value.detach()), float(again))}")
    if not bool(again.isfinite()):
        raise ModelError(f"the loss {loss} is not finite at the current parameters of the module")
    if torch.equal(moved, again):
        raise ModelError(
            f"the loss {loss} does not depend on the parameters of the module: it must evaluate the module that is its "
            "argument, not a copy or another module"
        )
    if not value.requires_grad:
        raise ModelError(f"the loss {loss} has no derivatives: {_CUT}")


def note_graph(family: ModuleLosses, loss: str) -> None:
    """Note whether the loss has the same value if the parameters do not require gradients."""
    theta = family.flat.theta
    points = (theta, theta + _random(theta, 0) * _scale(theta))
    before = [family.objective(loss).loss(at) for at in points]
    family.without_graph.add(loss)
    try:
        same = all(torch.equal(family.objective(loss).loss(at), value) for at, value in zip(points, before, strict=True))
    except RuntimeError:
        same = False
    if not same:
        family.without_graph.discard(loss)


def _randomness(module: nn.Module, one: float, other: float) -> str:
    values = f"two evaluations at the same parameters give {one:.9g} and {other:.9g}"
    dropout = [name for name, own in module.named_modules() if isinstance(own, nn.modules.dropout._DropoutNd) and own.training]
    if dropout:
        return f"{values}, because {dropout[0] or 'it'} is in training mode; call module.eval() first"
    return f"{values}; draw random points or batches once, outside of the function"


# ---- derivatives ----


def _probe(family: ModuleLosses, loss: str) -> tuple[ModuleObjective, float]:
    """The loss whose derivatives are checked, in double precision if possible, and the tolerance."""
    own = family.objective(loss)
    if not family.flat.single:
        return own, TOLERANCE
    precise = ModuleLosses(family.flat.module, {loss: family.functions[loss]}, precise=True, layout=family.layout)
    try:
        one, other = float(own.loss(own.theta)), float(precise.objective(loss).loss(own.theta))
    except (RuntimeError, TypeError) as error:
        log.info("the loss %s cannot be evaluated in double precision (%s)", loss, error)
        return own, _ROUGH
    same = abs(one - other) <= _SAME * max(abs(one), abs(other))
    return (precise.objective(loss), TOLERANCE) if same else (own, _ROUGH)


def _near(objective: ModuleObjective) -> Tensor:
    """Parameters near the current ones, at which the loss is finite; at a trained point itself, gradients are too small to check."""
    theta = objective.theta
    for factor in (1.0, 0.1, 0.01):
        moved = theta + factor * _scale(theta) * _random(theta, 0)
        if bool(objective.loss(moved).isfinite()):
            return moved
    return theta


def _check_gradient(objective: ModuleObjective, theta: Tensor, tolerance: float) -> float:
    try:
        _, gradient = objective.loss_and_gradient(theta)
    except RuntimeError as error:
        raise ModelError(_first_order(objective.name, error)) from error
    norm = float(gradient.norm())
    deviations = []
    for v in _directions(theta):
        floor = norm * float(v.norm())
        deviations.append(deviation(lambda t, v=v: objective.loss(theta + t * v), gradient @ v, floor))
    off = max(deviations)
    if not off <= max(tolerance, _GRADIENT):
        raise ModelError(
            f"the loss {objective.name} has a wrong gradient: it is off by {off:.1e} relative to central differences; a part of "
            f"the loss is cut off from the parameters: {_CUT}"
        )
    return off


def _check_hessian(objective: ModuleObjective, theta: Tensor, tolerance: float, warnings: list[str]) -> float:
    directions = torch.stack(_directions(theta))
    try:
        products = objective.hessian_product(theta, directions)
    except RuntimeError as error:
        raise ModelError(f"the loss {objective.name} has no second derivatives: {_first_line(error)}") from error
    pairs = zip(directions, products, strict=True)
    off = min(deviation(lambda t, v=v: objective.gradient(theta + t * v), product) for v, product in pairs)
    if off <= tolerance:
        return off
    cross = directions @ products.T
    asymmetry = float((cross - cross.T).abs().max() / cross.abs().max())
    if not asymmetry <= max(_SYMMETRIC, tolerance) or (
        tolerance == TOLERANCE and _is_smooth(objective, theta, directions, products)
    ):
        raise ModelError(
            f"the loss {objective.name} has wrong second derivatives: products with its Hessian are off by {off:.1e} relative to "
            "central differences; a function in it cannot be differentiated twice, for example torch's weight_norm or a "
            "torch.autograd.Function whose backward is not made of differentiable operations"
        )
    warnings.append(
        f"the loss {objective.name} has kinks, for example of relu: its gradient jumps, and the Hessian describes only the "
        f"smooth pieces between the jumps (deviation of its products from central differences: {off:.1e})"
    )
    return off


def _is_smooth(objective: ModuleObjective, theta: Tensor, directions: Tensor, products: Tensor) -> bool:
    """Whether the gradient has a derivative along a direction, so that a product of the Hessian must agree with it.

    At kinks, the gradient jumps, and difference quotients of both sides differ however short the step is.
    """
    start = objective.gradient(theta)
    for v, product in zip(directions, products, strict=True):
        ahead, behind = ((objective.gradient(theta + step * v) - start) / step for step in (_SHORT_STEP, -_SHORT_STEP))
        gap = (0.5 * (ahead + behind) - product).norm()
        if bool((ahead - behind).norm() < _KINK * gap):
            return True
    return False


def _check_squares(objective: ModuleObjective) -> None:
    theta = objective.theta
    loss, found = objective.terms(theta), {name: r.square().sum() for name, r in objective.residuals(theta).items()}
    whole = total(found.values())
    one, other = float(total(loss.values())), float(whole)
    tolerance = 1e-4 if objective.family.flat.single else 1e-9
    if not abs(one - other) <= tolerance * abs(one):
        raise ModelError(
            f"the residuals of the loss {objective.name} do not give the loss: the sum of their squares is {other:.9g}, the loss "
            f"{one:.9g}; multiply them by the square roots of the weights"
        )


def _first_order(name: str, error: RuntimeError) -> str:
    text = str(error)
    if "second time" in text:
        return (
            f"the loss {name} calls .backward(), which frees what derivatives need; return the loss and leave .backward() out"
        )
    return f"the loss {name} has no derivatives: {_first_line(error)}"


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]


# ---- parameters and state ----


def _random(theta: Tensor, seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(theta.shape, generator=generator, dtype=theta.dtype).to(theta.device)


def _scale(theta: Tensor) -> float:
    return _SPREAD * max(float(theta.square().mean().sqrt()), 1e-3)


def _directions(theta: Tensor) -> list[Tensor]:
    """Random vectors of signs, as long as theta; since all entries have the same magnitude, an error in any derivative is noticed."""
    rows = [_random(theta, 1 + number).sign() for number in range(_DIRECTIONS)]
    return [row * (theta.norm() / row.norm()) for row in rows]


def _state(module: nn.Module) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in (*module.named_parameters(), *module.named_buffers())}


def _changed(before: dict[str, Tensor], module: nn.Module) -> str:
    """Name of a parameter or buffer that is not what it was; empty if all are."""
    after = _state(module)
    return next((name for name in after if not torch.equal(after[name], before[name])), "")
