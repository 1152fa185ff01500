"""The pretended device refuses what a GPU refuses, and gives what a GPU gives."""

import numpy as np
import pytest
import torch
from gpu import pretended

pytestmark = pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
MIXED = {
    "a sum": lambda far, near: far + near,
    "a product": lambda far, near: far @ near,
    "one after the other": lambda far, near: torch.cat([far, near]),
    "numbers of both in a row": lambda far, near: torch.stack([far[0], near[0]]),
    "a choice": lambda far, near: torch.where(near > 0, far, far),
    "in place": lambda far, near: far.add_(near),
    "a derivative": lambda far, near: torch.autograd.grad(far.requires_grad_() ** 2, far, grad_outputs=near),
    "a batch": lambda far, near: torch.func.vmap(lambda x: x * near[0] + near)(far),
}


@pytest.mark.parametrize("name", MIXED)
def test_tensors_of_two_devices_do_not_meet(name, device) -> None:
    far, near = torch.ones(3, dtype=torch.float64, device=device), torch.ones(3, dtype=torch.float64)
    with pytest.raises(RuntimeError, match="device"):
        MIXED[name](far, near)


def test_numbers_indices_and_copies_of_the_cpu_are_taken(device) -> None:
    far = torch.arange(4.0, dtype=torch.float64, device=device)
    assert (far * torch.tensor(2.0, dtype=torch.float64)).tolist() == [0.0, 2.0, 4.0, 6.0]
    assert far[torch.tensor([0, 3])].tolist() == far[[0, 3]].tolist() == far[np.array([0, 3])].tolist() == [0.0, 3.0]
    far[1:3] = torch.zeros(2, dtype=torch.float64)
    far[[0]] = 7.0
    assert far.cpu().tolist() == [7.0, 0.0, 0.0, 3.0]
    assert far.cpu().device.type == "cpu"
    assert far.new_zeros(2).device == far.new_tensor([1.0]).device == torch.zeros_like(far).device == device


@pytest.mark.parametrize("take", [lambda far: far.numpy(), np.asarray, torch.Tensor.__array__])
def test_numpy_has_no_access(take, device) -> None:
    with pytest.raises((RuntimeError, TypeError)):
        take(torch.ones(3, dtype=torch.float64, device=device))


def test_random_numbers_there_need_a_generator_there(device) -> None:
    with pytest.raises(RuntimeError, match="generator"):
        torch.randn(3, generator=torch.Generator(), device=device)


def test_sums_are_rounded_otherwise_and_every_time_alike(device) -> None:
    values = torch.linspace(0.1, 1.0, 101, dtype=torch.float64)
    found, expected = values.to(device).sin().cpu(), values.sin()
    assert 10 < int((found != expected).sum()) <= 101
    assert float((found - expected).abs().max()) < 2.3e-16
    assert torch.equal(found, values.to(device).sin().cpu())
    assert torch.equal(values.to(device).cpu(), values)
    assert isinstance(values.to(device), pretended.Elsewhere)
