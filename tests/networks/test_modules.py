"""The layout of a module is that of its layers: filters, biases and everything else."""

import numpy as np
import pytest
import torch
from layout_cases import stored
from torch import nn

from pinnscape.landscape import directions
from pinnscape.networks.layout import Block, layout_of
from pinnscape.networks.modules import layout

# For each layer: the blocks as (name, units, is a bias, owner).
LAYERS = {
    "linear": (nn.Linear(3, 2), [("weight", 2, False, ""), ("bias", 1, True, "weight")]),
    "linear-without-bias": (nn.Linear(3, 2, bias=False), [("weight", 2, False, "")]),
    "convolution": (nn.Conv2d(3, 4, 2), [("weight", 4, False, ""), ("bias", 1, True, "weight")]),
    "grouped": (nn.Conv1d(4, 6, 3, groups=2), [("weight", 6, False, ""), ("bias", 1, True, "weight")]),
    "transposed": (nn.ConvTranspose2d(3, 5, 2), [("weight", 5, False, ""), ("bias", 1, True, "weight")]),
    "transposed-grouped": (nn.ConvTranspose1d(4, 6, 3, groups=2), [("weight", 1, False, ""), ("bias", 1, True, "")]),
    "batch-norm": (nn.BatchNorm2d(4), [("weight", 1, True, ""), ("bias", 1, True, "")]),
    "layer-norm": (nn.LayerNorm(4), [("weight", 1, True, ""), ("bias", 1, True, "")]),
    "embedding": (nn.Embedding(5, 3), [("weight", 5, False, "")]),
    "bilinear": (nn.Bilinear(2, 3, 4), [("weight", 4, False, ""), ("bias", 1, True, "weight")]),
    "recurrent": (
        nn.GRU(3, 2),
        [
            ("weight_ih_l0", 6, False, ""),
            ("weight_hh_l0", 6, False, ""),
            ("bias_ih_l0", 1, True, "weight_ih_l0"),
            ("bias_hh_l0", 1, True, "weight_hh_l0"),
        ],
    ),
    "attention": (
        nn.MultiheadAttention(4, 2),
        [
            ("in_proj_weight", 12, False, ""),
            ("in_proj_bias", 1, True, "in_proj_weight"),
            ("out_proj.weight", 4, False, ""),
            ("out_proj.bias", 1, True, "out_proj.weight"),
        ],
    ),
    "prelu": (nn.PReLU(3), [("weight", 1, False, "")]),
    "weight-norm": (
        nn.utils.parametrizations.weight_norm(nn.Linear(3, 2)),
        [
            ("bias", 1, True, ""),
            ("parametrizations.weight.original0", 1, False, ""),
            ("parametrizations.weight.original1", 1, False, ""),
        ],
    ),
}


class Own(nn.Module):
    """A layer of the user, with a matrix whose meaning is not known."""

    def __init__(self) -> None:
        super().__init__()
        self.mixing, self.inner = nn.Parameter(torch.randn(3, 4)), nn.Linear(4, 2)


every = pytest.mark.parametrize(("module", "expected"), LAYERS.values(), ids=LAYERS)


@every
def test_layers_have_their_units_and_biases(module: nn.Module, expected: list) -> None:
    found = [(block.name, len(block.units), block.is_bias, block.owner) for block in layout(module).blocks]
    assert found == expected


@every
def test_blocks_and_filters_partition_the_parameter_vector(module: nn.Module, expected: list) -> None:
    found, count = layout(module), sum(p.numel() for p in module.parameters())
    assert found.size == count
    np.testing.assert_array_equal(np.concatenate([block.indices for block in found.blocks]), np.arange(count))
    rows = [np.concatenate(parts) for parts in found.filters()] + [block.indices for block in found.alone()]
    np.testing.assert_array_equal(np.sort(np.concatenate(rows)), np.arange(count))


@every
def test_layouts_survive_a_round_trip_through_file_variables(module: nn.Module, expected: list) -> None:
    assert layout_of(stored(layout(module))) == layout(module)


@pytest.mark.parametrize(("module", "axis"), [(nn.Conv2d(3, 4, 2), 0), (nn.ConvTranspose2d(3, 4, 2), 1), (nn.Linear(3, 4), 0)])
def test_a_filter_holds_the_weights_that_make_one_output(module: nn.Module, axis: int) -> None:
    """Only output k changes with the filter of unit k and its bias."""
    theta = nn.utils.parameters_to_vector(module.parameters()).detach()
    x = torch.rand(1, 3, 5, 5) if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)) else torch.rand(1, 3)
    before = module(x).detach()
    assert layout(module).blocks[0].axis == axis
    for unit, (weights, biases) in enumerate(layout(module).filters()):
        other = theta.clone()
        other[[*weights, *biases]] += 1.0
        nn.utils.vector_to_parameters(other, module.parameters())
        changed = (module(x).detach() != before).flatten(2).any(2) if x.ndim == 4 else module(x).detach() != before
        assert changed[0].nonzero().flatten().tolist() == [unit]


def test_only_trainable_parameters_are_there_and_tied_ones_once() -> None:
    module = nn.Sequential(nn.Embedding(4, 3), nn.Linear(3, 4), nn.Linear(4, 2))
    module[1].weight = module[0].weight
    module[2].bias.requires_grad_(False)
    assert [block.name for block in layout(module).blocks] == ["0.weight", "1.bias", "2.weight"]
    assert layout(module).blocks[1] == Block("1.bias", (4,), 12, is_bias=True)


@pytest.mark.parametrize("normalization", ["filter", "layer"])
@pytest.mark.parametrize("bias", ["row", "own", "zero"])
def test_directions_are_scaled_part_by_part(normalization: str, bias: str) -> None:
    """Against a loop over the parameters of a network with all kinds of them."""
    torch.manual_seed(0)
    module = nn.Sequential(nn.Conv2d(1, 3, 2), nn.BatchNorm2d(3), nn.Flatten(), nn.Linear(12, 2), Own()).double()
    origin = nn.utils.parameters_to_vector(module.parameters()).detach().numpy()
    raw = np.random.default_rng(0).standard_normal(len(origin))
    found = directions.normalize(raw, origin, layout(module), normalization, bias)
    for name, block in {block.name: block for block in layout(module).blocks}.items():
        own, given, to = found[block.indices], raw[block.indices], origin[block.indices]
        if block.is_bias and bias == "zero":
            assert not own.any()
        elif name in ("4.mixing", "1.weight", "1.bias") or (block.is_bias and bias == "own"):
            np.testing.assert_allclose(own, given * np.linalg.norm(to) / np.linalg.norm(given) if to.any() else 0.0 * own)
        elif not block.is_bias:
            biases = [each.indices for each in layout(module).owned(block)] if bias == "row" else []
            rows = [block.indices] if normalization == "layer" else list(block.units)
            for number, row in enumerate(rows):
                more = [each if normalization == "layer" else each[number : number + 1] for each in biases]
                part = np.concatenate([row, *more])
                np.testing.assert_allclose(np.linalg.norm(found[part]), np.linalg.norm(origin[part]), rtol=1e-12)
                assert found[part] @ raw[part] == pytest.approx(np.linalg.norm(found[part]) * np.linalg.norm(raw[part]))
