"""Activation functions and their derivatives against closed forms in SymPy with many digits."""

import itertools
import math

import mpmath
import numpy as np
import pytest
import sympy
import torch

from pinnscape.networks.activations import ACTIVATIONS, COSINE, OnTensors, derivatives

Z = sympy.Symbol("z", real=True)
GATE = 1 / (1 + sympy.exp(-Z))
FORMULAS = {
    "tanh": sympy.tanh(Z),
    "sin": sympy.sin(Z),
    "swish": Z * GATE,
    "softplus": sympy.log(1 + sympy.exp(Z)),
    "gelu": Z * (1 + sympy.erf(Z / sympy.sqrt(2))) / 2,
}
AT = np.concatenate([np.linspace(-6.0, 6.0, 25), [-30.0, -0.01, 30.0]])


@pytest.mark.parametrize("name", FORMULAS)
def test_derivatives_to_the_sixth_are_those_of_the_formula(name):
    found = derivatives(name, torch.tensor(AT), 6)
    assert len(found) == 7
    for n, values in enumerate(found):
        exact = sympy.lambdify(Z, sympy.diff(FORMULAS[name], Z, n), "mpmath")
        with mpmath.workdps(60):
            expected = np.array([float(exact(mpmath.mpf(z))) for z in AT])
        np.testing.assert_allclose(values.numpy(), expected, rtol=1e-12, atol=1e-13 * np.abs(expected).max())


def test_powers_of_the_positive_part():
    z = torch.tensor([-2.0, -0.0, 0.0, 0.5, 3.0], dtype=torch.float64)
    r = [0.0, 0.0, 0.0, 0.5, 3.0]
    step = [0.0, 0.0, 0.0, 1.0, 1.0]
    assert [s.tolist() for s in derivatives("relu", z, 3)] == [r, step, [0.0] * 5, [0.0] * 5]
    cubes = [[v**3 for v in r], [3 * v * v for v in r], [6 * v for v in r], [6 * v for v in step], [0.0] * 5]
    assert [s.tolist() for s in derivatives("relu3", z, 4)] == cubes


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("count", range(6))
def test_as_many_derivatives_as_are_asked_for(name, count):
    z = torch.linspace(-2.0, 2.0, 7, dtype=torch.float64)
    found, more = derivatives(name, z, count), derivatives(name, z, 6)
    assert len(found) == count + 1
    assert all(torch.equal(a, b) for a, b in zip(found, more, strict=False))


def test_how_many_derivatives_exist():
    exist = {name: activation.exist for name, activation in ACTIVATIONS.items()}
    assert {name: n for name, n in exist.items() if n != math.inf} == {"relu": 1, "relu3": 3}
    assert set(exist) == {"tanh", "sin", "swish", "softplus", "relu", "relu3", "gelu"}


@pytest.mark.parametrize("name", [name for name in ACTIVATIONS if name not in ("relu", "relu3")])
def test_torch_differentiates_each_derivative_to_the_next(name):
    z = torch.linspace(-4.0, 4.0, 31, dtype=torch.float64).requires_grad_()
    found = derivatives(name, z, 5)
    for s, slope in itertools.pairwise(found):
        (gradient,) = torch.autograd.grad(s.sum(), z, retain_graph=True)
        torch.testing.assert_close(gradient, slope, rtol=1e-11, atol=1e-12)


def test_the_cosine_of_embeddings():
    z = torch.linspace(-4.0, 4.0, 31, dtype=torch.float64)
    for n, values in enumerate(COSINE.derivatives(z, 5, OnTensors)):
        torch.testing.assert_close(values, torch.cos(z + 0.5 * n * math.pi), rtol=0, atol=1e-14)  # the sum is rounded


@pytest.mark.parametrize(
    ("name", "right", "left"), [("tanh", 1.0, -1.0), ("swish", 1e3, 0.0), ("softplus", 1e3, 0.0), ("gelu", 1e3, 0.0)]
)
def test_saturated_activations_keep_their_limits(name, right, left):
    found = derivatives(name, torch.tensor([1e3, -1e3], dtype=torch.float64), 4)
    np.testing.assert_allclose(found[0], [right, left], rtol=1e-15, atol=1e-300)
    np.testing.assert_allclose(found[1], [0.0 if name == "tanh" else 1.0, 0.0], atol=1e-300)
    for higher in found[2:]:
        np.testing.assert_allclose(higher, 0.0, atol=1e-300)
