"""Losses of modules on the device: values, derivatives, planes and spectra of the same modules on the CPU."""

import numpy as np
import pytest
import torch
from gpu.agreement import close, lies_on
from module_cases import CASES, made

import pinnscape as ps
from pinnscape.config.sections import Module
from pinnscape.losses.model_file import family
from pinnscape.losses.module import ModuleLosses


@pytest.mark.parametrize("name", CASES)
def test_values_and_derivatives_are_those_of_the_cpu(name: str, device: torch.device) -> None:
    ours, cpu = (ModuleLosses(made(name).to(place), {"loss": CASES[name].loss}).objective("loss") for place in (device, "cpu"))
    theta, vectors = ours.theta, torch.ones(2, cpu.size, dtype=torch.float64)
    lies_on(device, theta, ours.gradient(theta), ours.hessian_product(theta, vectors.to(device)))
    close(ours.loss(theta), cpu.loss(cpu.theta))
    close(ours.gradient(theta), cpu.gradient(cpu.theta))
    close(ours.hessian_product(theta, vectors.to(device)), cpu.hessian_product(cpu.theta, vectors))


def test_planes_and_spectra_are_those_of_the_cpu(device: torch.device) -> None:
    ours, cpu = (ps.from_torch(made("pinn").to(place), CASES["pinn"].loss) for place in (device, "cpu"))
    planes = [ps.plane(each, each.theta, radius=0.2, points=3, tolerance=0)["value"] for each in (ours, cpu)]
    np.testing.assert_allclose(*planes, rtol=1e-9)
    spectra = [ps.spectrum(each, each.theta, extremes=2, density={"deflate": 0})["eigenvalue"] for each in (ours, cpu)]
    np.testing.assert_allclose(*spectra, atol=1e-9 * float(spectra[1].max()))


def test_the_losses_of_a_case_are_those_of_the_cpu(device: torch.device) -> None:
    settings = Module.of({"module": "digits", "parameters": {"width": 3}})
    ours, cpu = (family(settings, str(place)) for place in (device, "cpu"))
    theta = ours.flat.theta
    lies_on(device, theta, ours.objective("cross-entropy").drawn(1).gradient(theta))
    one, other = (losses.measure(losses.flat.theta) for losses in (ours, cpu))
    for name in ("cross-entropy", "squared-error", "test_accuracy"):
        close(one[name], other[name])
