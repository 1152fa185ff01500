"""Models of DeepXDE have the losses that DeepXDE itself computes, and landscapes."""

import numpy as np
import pytest
import torch
from deepxde_cases import EXAMPLES, deepxde

import pinnscape as ps
from pinnscape.common.errors import ModelError

TERMS = {
    "poisson": ["equation", "DirichletBC"],
    "burgers": ["equation", "DirichletBC", "IC"],
    "beam": ["equation", "DirichletBC", "NeumannBC", "OperatorBC-1", "OperatorBC-2"],
}


@pytest.fixture(autouse=True)
def seed() -> None:
    deepxde().config.set_random_seed(0)


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_terms_are_the_losses_of_deepxde(name: str) -> None:
    model = EXAMPLES[name]()
    model.train(iterations=20, verbose=0)
    objective = ps.from_deepxde(model)
    found = objective.terms(objective.theta)
    state = model.train_state
    _, expected = model._outputs_losses(True, state.X_train, state.y_train, state.train_aux_vars)
    assert list(found) == TERMS[name]
    np.testing.assert_allclose(np.array([float(value) for value in found.values()]), expected, rtol=1e-6)
    assert objective.layout.permutable
    assert objective.layout.odd


def test_gradients_and_products_are_those_of_its_own_loss() -> None:
    model = EXAMPLES["burgers"]()
    objective = ps.from_deepxde(model)
    state, parameters = model.train_state, list(model.net.parameters())
    loss = model.outputs_losses_train(state.X_train, state.y_train, state.train_aux_vars)[1].sum()
    gradient = torch.cat([g.flatten() for g in torch.autograd.grad(loss, parameters, create_graph=True)])
    torch.testing.assert_close(objective.gradient(objective.theta), gradient.detach().double(), rtol=1e-5, atol=1e-5)
    v = torch.randn(objective.size, generator=torch.Generator().manual_seed(0))
    product = torch.cat([g.flatten() for g in torch.autograd.grad(gradient @ v, parameters)]).double()
    found = objective.hessian_product(objective.theta, v.double())
    torch.testing.assert_close(found, product, rtol=1e-5, atol=1e-5 * float(product.abs().max()))


@pytest.mark.parametrize("training", [True, False])
def test_the_mode_of_the_network_is_what_it_was(training: bool) -> None:
    model = EXAMPLES["poisson"]()
    model.net.train(training)
    objective = ps.from_deepxde(model)
    objective.loss(objective.theta)
    assert model.net.training == training


def test_a_model_has_a_landscape() -> None:
    model = EXAMPLES["poisson"]()
    objective = ps.from_deepxde(model)
    plane = ps.plane(objective, model.net, radius=0.2, points=3)
    assert plane["term"].values.tolist() == ["pinn/equation", "pinn/DirichletBC"]
    assert np.isfinite(plane["value"]).all()
    assert plane.attrs["trained_on"] == "pinn"


def test_what_is_no_compiled_model_is_one_line() -> None:
    dde = deepxde()
    made = EXAMPLES["poisson"]()
    with pytest.raises(ModelError, match=r"the DeepXDE model has no losses yet; call model\.compile first"):
        ps.from_deepxde(dde.Model(made.data, made.net))
    with pytest.raises(ModelError, match="is no torch module; start Python with DDE_BACKEND=pytorch"):
        ps.from_deepxde(object())
