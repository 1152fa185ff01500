"""Three documented examples of DeepXDE with small networks and few points: Poisson, Burgers, and the beam of Euler and Bernoulli."""

import importlib
import os
import warnings
from typing import Any

import numpy as np


def deepxde() -> Any:
    """The library with its PyTorch backend."""
    os.environ["DDE_BACKEND"] = "pytorch"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return importlib.import_module("deepxde")


def poisson() -> Any:
    """-u'' = π² sin(πx) on (-1, 1), u = 0 at both ends."""
    dde, torch = deepxde(), importlib.import_module("torch")
    geometry = dde.geometry.Interval(-1, 1)

    def equation(x, u):
        return -dde.grad.hessian(u, x) - np.pi**2 * torch.sin(np.pi * x)

    boundary = dde.icbc.DirichletBC(geometry, lambda x: np.zeros((len(x), 1)), lambda _, on_boundary: on_boundary)
    data = dde.data.PDE(geometry, equation, boundary, num_domain=16, num_boundary=2)
    return _model(dde, data, [1] + [8] * 2 + [1])


def burgers() -> Any:
    """u_t + u u_x = ν u_xx on (-1, 1) × (0, 1), with ν = 0.01/π, u = 0 at both ends and u(x, 0) = -sin(πx)."""
    dde = deepxde()
    domain = dde.geometry.GeometryXTime(dde.geometry.Interval(-1, 1), dde.geometry.TimeDomain(0, 0.99))

    def equation(x, u):
        slope = dde.grad.jacobian(u, x, i=0, j=0)
        return dde.grad.jacobian(u, x, i=0, j=1) + u * slope - 0.01 / np.pi * dde.grad.hessian(u, x, i=0, j=0)

    ends = dde.icbc.DirichletBC(domain, lambda x: 0, lambda _, on_boundary: on_boundary)
    start = dde.icbc.IC(domain, lambda x: -np.sin(np.pi * x[:, 0:1]), lambda _, on_initial: on_initial)
    data = dde.data.TimePDE(domain, equation, [ends, start], num_domain=60, num_boundary=10, num_initial=12)
    return _model(dde, data, [2] + [8] * 2 + [1], loss_weights=[1.0, 2.0, 10.0])


def beam() -> Any:
    """u'''' + 1 = 0 on (0, 1), clamped at 0 and free at 1."""
    dde = deepxde()
    geometry = dde.geometry.Interval(0, 1)

    def at(end):
        return lambda x, on_boundary: on_boundary and dde.utils.isclose(x[0], end)

    def equation(x, u):
        bent = dde.grad.hessian(u, x)
        return dde.grad.hessian(bent, x) + 1

    conditions = [
        dde.icbc.DirichletBC(geometry, lambda x: 0, at(0)),
        dde.icbc.NeumannBC(geometry, lambda x: 0, at(0)),
        dde.icbc.OperatorBC(geometry, lambda x, u, _: dde.grad.hessian(u, x), at(1)),
        dde.icbc.OperatorBC(geometry, lambda x, u, _: dde.grad.jacobian(dde.grad.hessian(u, x), x), at(1)),
    ]
    data = dde.data.PDE(geometry, equation, conditions, num_domain=10, num_boundary=2)
    return _model(dde, data, [1] + [8] * 2 + [1])


def _model(dde: Any, data: Any, sizes: list[int], **compile_: Any) -> Any:
    model = dde.Model(data, dde.nn.FNN(sizes, "tanh", "Glorot uniform"))
    model.compile("adam", lr=1e-3, verbose=0, **compile_)
    return model


EXAMPLES = {"poisson": poisson, "burgers": burgers, "beam": beam}
