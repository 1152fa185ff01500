"""Losses of any torch module have the numbers of a loop written by hand, and leave the module as it was."""

import copy

import numpy as np
import pytest
import torch
from module_cases import CASES, Loop, X, dtype_of, made, mlp, penalised, pinn, regression, total
from torch import Tensor, nn

from pinnscape.common.errors import ModelError
from pinnscape.losses import module_checks
from pinnscape.losses.gauss_newton import gauss_newton, kernel, least_squares
from pinnscape.losses.module import ModuleLosses
from pinnscape.losses.module_checks import check
from pinnscape.losses.module_objective import ModuleObjective

TOLERANCE = {torch.float64: 1e-10, torch.float32: 1e-5}
both = pytest.mark.parametrize("dtype", list(TOLERANCE), ids=str)
every = pytest.mark.parametrize("name", CASES)


def objective(name: str, dtype: torch.dtype = torch.float64, **more) -> ModuleObjective:
    return ModuleLosses(made(name, dtype), {"loss": CASES[name].loss}, **more).objective("loss")


def moved(theta: Tensor, seed: int, *shape: int) -> Tensor:
    noise = torch.randn(*shape, *theta.shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return theta + 0.1 * noise


def close(found: Tensor, expected: Tensor, tolerance: float) -> None:
    torch.testing.assert_close(found, expected, rtol=tolerance, atol=tolerance * float(expected.abs().max()))


def state(module: nn.Module) -> dict:
    return {
        **{name: value.detach().clone() for name, value in module.state_dict().items()},
        "modes": [own.training for own in module.modules()],
        "gradients": [p.grad for p in module.parameters()],
        "trainable": [p.requires_grad for p in module.parameters()],
    }


# ---- numbers ----


@both
@every
def test_values_and_derivatives_are_those_of_a_loop(name: str, dtype: torch.dtype) -> None:
    found, loop = objective(name, dtype), Loop(made(name, dtype), CASES[name].loss)
    thetas, tolerance = moved(found.theta, 1, 2, 2), TOLERANCE[dtype]
    rows = thetas.reshape(4, -1)
    values, gradients = found.loss_and_gradient(thetas)
    assert (values.shape, gradients.shape) == ((2, 2), (2, 2, found.size))
    close(values.flatten(), torch.tensor([loop.value(row) for row in rows], dtype=torch.float64), tolerance)
    close(found.loss(thetas), values, tolerance)
    close(gradients.reshape(4, -1), torch.stack([loop.gradient(row) for row in rows]), tolerance)
    vectors = moved(torch.zeros(found.size), 2, 3)
    expected = torch.stack([loop.product(rows[0], v) for v in vectors])
    close(found.hessian_product(rows[0], vectors), expected, tolerance)
    close(found.hessian_product(rows[0], vectors[1]), expected[1], tolerance)
    close(found.hessian_product(rows[1], vectors[:1])[0], loop.product(rows[1], vectors[0]), tolerance)


@both
@every
def test_the_module_is_what_it_was(name: str, dtype: torch.dtype) -> None:
    module = made(name, dtype)
    before = state(module)
    family = ModuleLosses(
        module, {"loss": CASES[name].loss}, error=lambda m: {"size": float(total(CASES[name].loss(m)).detach())}
    )
    found, theta = family.objective("loss"), family.flat.theta
    found.hessian_product(moved(theta, 1), theta)
    found.measure(moved(theta, 2))
    check(family)
    with pytest.raises(RuntimeError, match="on purpose"):
        family.flat(_raises, moved(theta, 3))
    after = state(module)
    assert before.keys() == after.keys()
    for key, value in before.items():
        assert torch.equal(value, after[key]) if isinstance(value, Tensor) else value == after[key], key


def _raises(module: nn.Module) -> Tensor:
    raise RuntimeError("on purpose")


def test_a_loss_may_change_the_mode_of_the_module() -> None:
    module = nn.Sequential(nn.Linear(2, 3), nn.Dropout(0.5), nn.Linear(3, 1)).double()
    module[1].eval()

    def loss(m: nn.Module) -> Tensor:
        return regression(m.eval())

    found = ModuleLosses(module, {"loss": loss}).objective("loss")
    assert torch.equal(found.loss(found.theta), found.loss(found.theta))
    assert [own.training for own in module.modules()] == [True, True, False, True]


def test_a_scripted_module_is_evaluated_too() -> None:
    module = torch.jit.script(made("pinn"))
    found, loop = ModuleLosses(module, {"loss": regression}).objective("loss"), Loop(made("pinn"), regression)
    close(found.gradient(found.theta), loop.gradient(found.theta), 1e-12)
    assert torch.equal(found.theta, found.theta)


def test_a_loss_that_is_linear_has_the_hessian_zero() -> None:
    found = objective("linear")
    assert torch.equal(found.hessian_product(found.theta, torch.ones(2, 3, dtype=torch.float64)), torch.zeros(2, 3))


def test_evaluations_do_not_depend_on_one_another() -> None:
    """Although batch normalisation changes its buffers in each of them."""
    found = objective("normalised")
    first = found.loss(found.theta)
    found.loss(moved(found.theta, 1, 5))
    assert torch.equal(found.loss(found.theta), first)


def test_terms_add_up_to_the_loss_and_parts_have_their_own_derivatives() -> None:
    found = objective("pinn")
    theta = moved(found.theta, 1)
    terms = found.terms(theta)
    assert list(terms) == ["interior", "initial"]
    assert torch.equal(sum(terms.values()), found.loss(theta))
    parts = [found.only(name) for name in terms]
    assert [float(part.loss(theta)) for part in parts] == [float(value) for value in terms.values()]
    close(sum(part.gradient(theta) for part in parts), found.gradient(theta), 1e-12)
    close(sum(p.hessian_product(theta, theta) for p in parts), found.hessian_product(theta, theta), 1e-12)
    measured = found.measure(theta)
    assert float(measured["loss/initial"]) == float(terms["initial"])
    assert found.family.terms == ("loss/interior", "loss/initial")
    with pytest.raises(ValueError, match="has no term boundary; it has interior, initial"):
        found.only("boundary")


def test_double_precision_of_a_module_in_single_precision() -> None:
    """All constants of the loss are converted too, so that the numbers are those of ``module.double()``."""
    single, theta = objective("pinn", torch.float32), moved(objective("pinn", torch.float32).theta, 1)
    precise, double = (
        objective("pinn", torch.float32, precise=True),
        ModuleLosses(made("pinn", torch.float32).double(), {"loss": pinn}),
    )
    expected = double.objective("loss")
    close(precise.loss(theta), expected.loss(theta), 1e-7)  # the points are rounded to single precision first
    close(precise.hessian_product(theta, theta), expected.hessian_product(theta, theta), 1e-6)
    step = 1e-7 * theta  # differences of values in single precision would be noise

    def quotient(of: ModuleObjective) -> float:
        return float((of.loss(theta + step) - of.loss(theta - step)) / 2.0)

    slope = float(precise.gradient(theta) @ step)
    assert quotient(precise) == pytest.approx(slope, rel=1e-5)
    assert quotient(single) != pytest.approx(slope, rel=1e-2)


def test_points_that_the_user_holds_are_differentiated_in_double_precision() -> None:
    points = torch.rand(30, 2).requires_grad_()  # a leaf in single precision outside of the loss

    def loss(module: nn.Module) -> Tensor:
        (slope,) = torch.autograd.grad(module(points).sum(), points, create_graph=True)
        return slope.square().sum()

    module = made("pinn", torch.float32)
    found = ModuleLosses(module, {"loss": loss}, precise=True).objective("loss")
    double, at = copy.deepcopy(module).double(), points.detach().double().requires_grad_()
    (slope,) = torch.autograd.grad(double(at).sum(), at)
    assert float(found.loss(found.theta)) == pytest.approx(float(slope.square().sum()), rel=1e-13)
    assert points.grad is None


def test_losses_are_evaluated_without_a_graph_only_where_that_changes_nothing() -> None:
    """A penalty of the trainable parameters would vanish without it."""

    def decayed(module: nn.Module) -> Tensor:
        return regression(module) + 0.1 * sum(p.square().sum() for p in module.parameters() if p.requires_grad)

    family = ModuleLosses(made("pinn"), {"plain": regression, "decayed": decayed, "penalised": penalised})
    theta = moved(family.flat.theta, 1)
    before = family.measure(theta)
    check(family)
    assert family.without_graph == {"plain"}
    after = family.measure(theta)
    assert all(torch.equal(before[name], after[name]) for name in family.losses)
    assert float(after["decayed"]) > float(after["plain"]) + 0.01


# ---- least squares ----


def residuals(module: nn.Module) -> dict[str, Tensor]:
    return {"data": _misfit(module) / 40**0.5}


def _misfit(module: nn.Module) -> Tensor:
    x = X.to(dtype_of(module))
    return module(x) - x.prod(1, keepdim=True)


def test_products_of_the_gauss_newton_part_are_those_of_the_jacobian() -> None:
    module = made("pinn")
    found = ModuleLosses(module, {"loss": regression}, residuals={"loss": residuals}).objective("loss")
    theta = moved(found.theta, 1)
    assert found.is_squared
    assert found.minimum == 0.0
    assert float(found.residuals(theta)["data"].square().sum()) == pytest.approx(float(found.loss(theta)), rel=1e-12)
    j = found.jacobian(theta)
    numeric = torch.autograd.functional.jacobian(lambda t: torch.cat(list(found.family.vectors("loss", t).values())), theta)
    close(j, numeric, 1e-12)
    vectors = moved(torch.zeros(found.size), 2, 3)
    close(found.gauss_newton_product(theta, vectors), 2.0 * vectors @ j.T @ j, 1e-11)
    close(gauss_newton(found, theta), 2.0 * j.T @ j, 1e-11)
    close(kernel(found, theta), j @ j.T, 1e-12)
    rows, r = least_squares(found, theta)
    close(2.0 * r @ rows, found.gradient(theta), 1e-11)


def test_many_residuals_are_reduced_to_a_small_system() -> None:
    module = nn.Linear(2, 1).double()
    found = ModuleLosses(module, {"loss": regression}, residuals={"loss": residuals}).objective("loss")
    rows, r = least_squares(found, found.theta)
    assert len(rows) <= 4
    close(2.0 * r @ rows, found.gradient(found.theta), 1e-12)


def test_a_loss_without_residuals_has_no_gauss_newton_part() -> None:
    found = objective("pinn")
    for call in (
        found.gauss_newton_product,
        lambda theta, _: gauss_newton(found, theta),
        lambda theta, _: kernel(found, theta),
    ):
        with pytest.raises(ModelError, match="the loss loss has no residuals; give them by residuals="):
            call(found.theta, found.theta)


# ---- symmetries ----


class Skip(nn.Module):
    """Chain-like layers, but connected otherwise."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.c = nn.Linear(2, 4), nn.Linear(4, 4), nn.Linear(4, 1)

    def forward(self, x: Tensor) -> Tensor:
        a = torch.tanh(self.a(x))
        return self.c(a + torch.tanh(self.b(a)))


def chain(activation: type[nn.Module], width: int = 4) -> nn.Module:
    return nn.Sequential(nn.Linear(2, width), activation(), nn.Linear(width, width), activation(), nn.Linear(width, 1))


@pytest.mark.parametrize(
    ("module", "permutable", "odd"),
    [
        (chain(nn.Tanh), True, True),
        (chain(nn.ReLU), True, False),
        (chain(nn.Tanh, 2), True, True),
        (chain(nn.Softplus), True, False),
        (Skip(), False, False),
        (nn.Sequential(nn.Linear(2, 4), nn.LayerNorm(4), nn.Linear(4, 1)), False, False),
        (nn.Sequential(nn.Linear(2, 4), nn.Softmax(1), nn.Linear(4, 4), nn.CELU(), nn.Linear(4, 1)), True, False),
        (nn.Linear(2, 1), False, False),
    ],
    ids=["tanh", "relu", "narrow", "softplus", "skip", "normalised", "softmax", "affine"],
)
@both
def test_symmetries_are_found_and_none_is_invented(module: nn.Module, permutable: bool, odd: bool, dtype: torch.dtype) -> None:
    layout = ModuleLosses(copy.deepcopy(module).to(dtype), {"loss": regression}).layout
    assert (layout.permutable, layout.odd) == (permutable, odd)


# ---- checks ----


@both
@every
def test_sound_losses_pass(name: str, dtype: torch.dtype) -> None:
    report = check(ModuleLosses(made(name, dtype), {"loss": CASES[name].loss}))
    assert set(report.deviations) == {"loss_gradient", "loss_hessian"}
    assert max(report.deviations.values()) <= 1e-6
    assert report.warnings == ()


def test_a_loss_with_too_many_kinks_for_differences_passes_with_a_warning() -> None:
    """Each unit has a kink for each of the many points, so that even the shortest step crosses some of them."""
    x = torch.linspace(0.0, 1.0, 300_000, dtype=torch.float64)[:, None]
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(1, 3), nn.ReLU(), nn.Linear(3, 1)).double()
    report = check(ModuleLosses(module, {"loss": lambda m: (m(x) - x**2).square().mean()}))
    assert report.deviations["loss_gradient"] <= 1e-5
    (warning,) = report.warnings
    assert warning.startswith("the loss loss has kinks, for example of relu")


OTHER = made("pinn")
_BATCHES = torch.Generator().manual_seed(0)


def _ignores(module: nn.Module) -> Tensor:
    return regression(OTHER)


def _detached(module: nn.Module) -> Tensor:
    return torch.as_tensor(regression(module).detach().numpy())


def _without_graph(module: nn.Module) -> Tensor:
    x = X.clone().requires_grad_()
    (slope,) = torch.autograd.grad(module(x).sum(), x)
    return slope.square().mean()


def _partly_without_graph(module: nn.Module) -> Tensor:
    x = X.clone().requires_grad_()
    u = module(x)
    (slope,) = torch.autograd.grad(u.sum(), x, retain_graph=True)
    return slope.square().mean() + u.square().mean()


def _random(module: nn.Module) -> Tensor:
    x = torch.rand(20, 2, generator=_BATCHES, dtype=torch.float64)
    return module(x).square().mean()


def _backward(module: nn.Module) -> Tensor:
    loss = regression(module)
    loss.backward()
    return loss


class _Once(torch.autograd.Function):
    """A square that can be differentiated once."""

    @staticmethod
    def forward(ctx, z):
        ctx.save_for_backward(z)
        return z * z

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, upstream):
        (z,) = ctx.saved_tensors
        return 2.0 * z * upstream


class _Wrong(torch.autograd.Function):
    """A square whose second derivative is lost."""

    @staticmethod
    def forward(ctx, z):
        ctx.save_for_backward(z)
        return z * z

    @staticmethod
    def backward(ctx, upstream):
        (z,) = ctx.saved_tensors
        return 2.0 * z.detach() * upstream


@pytest.mark.parametrize(
    ("loss", "said"),
    [
        (
            _ignores,
            "the loss loss does not depend on the parameters of the module: it must evaluate the module that is its arg",
        ),
        (_detached, r"the loss loss has no derivatives: `\.detach\(\)`, `\.item\(\)`, numpy or"),
        (_without_graph, r"the loss loss has no derivatives: .* or `create_graph=True` is missing in `torch\.autograd\.grad`"),
        (_partly_without_graph, r"the loss loss has a wrong gradient: it is off by .*`create_graph=True` is missing"),
        (_random, r"the loss loss is random: two evaluations .*; draw random points or batches once, outside of the function"),
        (_backward, r"the loss loss calls \.backward\(\), which frees what derivatives need; return the loss"),
        (lambda m: regression(m).item(), r"the loss loss is a Python number; .*leave out \.item\(\) and float\(\)"),
        (
            lambda m: m(torch.ones(5, 2, dtype=torch.float64)),
            r"the loss loss has the shape \(5, 1\); must be a scalar: take the",
        ),
        (lambda m: {"a": regression(m), "b": m(torch.ones(5, 2).double())}, r"the loss loss: term b has the shape \(5, 1\)"),
        (lambda m: {}, "the loss loss returned no terms"),
        (lambda m: None, "the loss loss is of type NoneType; must be a scalar tensor"),
        (lambda m: regression(m) / 0.0, "the loss loss is not finite at the current parameters of the module"),
        (lambda m: _Once.apply(m(torch.ones(5, 2).double())).sum(), "the loss loss has wrong second derivatives: products"),
        (lambda m: _Wrong.apply(m(torch.ones(5, 2).double())).sum(), "the loss loss has wrong second derivatives: products"),
    ],
)
def test_a_loss_that_cannot_be_analysed_is_refused_with_the_remedy(loss, said: str) -> None:
    with pytest.raises(ModelError, match=said):
        check(ModuleLosses(made("pinn"), {"loss": loss}))


def test_second_derivatives_that_torch_itself_gets_wrong_are_refused() -> None:
    """Those of its weight normalisation (torch 2.13) are off by some percent."""
    module = nn.Sequential(nn.utils.parametrizations.weight_norm(nn.Linear(2, 4)), nn.SiLU(), nn.Linear(4, 1)).double()
    with pytest.raises(ModelError, match=r"wrong second derivatives: .* for example torch's weight_norm"):
        check(ModuleLosses(module, {"loss": regression}))


def test_dropout_in_training_mode_is_named() -> None:
    module = nn.Sequential(nn.Linear(2, 8), nn.Dropout(0.5), nn.Linear(8, 1)).double()
    with pytest.raises(ModelError, match=r"because 1 is in training mode; call module\.eval\(\) first"):
        check(ModuleLosses(module, {"loss": regression}))
    check(ModuleLosses(module.eval(), {"loss": regression}))


def test_a_loss_that_trains_the_module_is_refused() -> None:
    module = made("pinn")
    original = module[0].bias

    def loss(m: nn.Module) -> Tensor:
        with torch.no_grad():
            original.add_(1e-3)
        return regression(m)

    with pytest.raises(ModelError, match=r"a loss or error changes 0\.bias of the module"):
        check(ModuleLosses(module, {"loss": loss}))


def test_residuals_that_do_not_give_the_loss_are_refused() -> None:
    family = ModuleLosses(made("pinn"), {"loss": regression}, residuals={"loss": _misfit})
    with pytest.raises(ModelError, match="the residuals of the loss loss do not give the loss: the sum of their squares is"):
        check(family)


def test_a_module_whose_double_precision_is_another_function_is_checked_in_single_precision() -> None:
    module = made("pinn", torch.float32)
    family = ModuleLosses(module, {"loss": lambda m: regression(m) * (1.0 if _is_single(m) else 2.0)})
    _, tolerance = module_checks._probe(family, "loss")
    assert tolerance == module_checks._ROUGH
    assert check(family).deviations["loss_gradient"] < 1e-3


def _is_single(module: nn.Module) -> bool:
    return dtype_of(module) == torch.float32


@pytest.mark.parametrize(
    ("module", "said"),
    [
        (nn.Sequential(nn.Tanh()), "Sequential has no trainable parameters"),
        (mlp().requires_grad_(False), "Sequential has no trainable parameters; all of them have requires_grad=False"),
        (nn.LazyLinear(3), "LazyLinear: the parameter weight has no shape yet; evaluate the model once"),
        (mlp().half(), r"the parameter 0\.weight is float16; must be float32 or float64"),
    ],
)
def test_parameters_that_cannot_be_joined_are_one_line(module: nn.Module, said: str) -> None:
    with pytest.raises(ModelError, match=said):
        ModuleLosses(module, {"loss": regression})


def test_theta_is_in_the_order_of_named_parameters() -> None:
    found = objective("tied")
    module = made("tied")
    names = [name for name, p in module.named_parameters() if p.requires_grad]
    assert [block.name for block in found.layout.blocks] == names
    assert names == ["speed", "inner.weight", "inner.bias", "last.weight", "last.bias"]
    expected = torch.cat([dict(module.named_parameters())[name].detach().flatten() for name in names])
    np.testing.assert_array_equal(found.theta, expected)
