"""Layout of the trainable parameters of any torch module."""

import torch
from torch import Tensor, nn
from torch.nn.parameter import UninitializedParameter

from pinnscape.common.errors import ModelError
from pinnscape.networks.layout import Block, Layout

# Layers whose weights have one row, and whose biases have one entry, for each unit.
_ROWS = (
    nn.Linear, nn.Bilinear, nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.Embedding, nn.EmbeddingBag, nn.RNNBase, nn.RNNCellBase,
    nn.MultiheadAttention,
)  # fmt: skip
_TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
_NORMALISATION = (
    nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm, nn.InstanceNorm1d, nn.InstanceNorm2d, nn.InstanceNorm3d,
    nn.LayerNorm, nn.GroupNorm, nn.RMSNorm,
)  # fmt: skip
_PRECISIONS = (torch.float32, torch.float64)


def trainable(module: nn.Module) -> dict[str, nn.Parameter]:
    """The trainable parameters by name. A tied parameter appears once; frozen parameters are left out.

    Raises:
        ModelError: there are none, or they are of a kind that cannot be joined to one vector.
    """
    found = {name: parameter for name, parameter in module.named_parameters() if parameter.requires_grad}
    kind = type(module).__name__
    if not found:
        raise ModelError(f"{kind} has no trainable parameters; all of them have requires_grad=False, or there are none")
    for name, parameter in found.items():
        if isinstance(parameter, UninitializedParameter):
            raise ModelError(f"{kind}: the parameter {name} has no shape yet; evaluate the model once to initialise it")
        if parameter.dtype not in _PRECISIONS:
            raise ModelError(
                f"{kind}: the parameter {name} is {_short(parameter.dtype)}; must be float32 or float64, to which "
                "module.float() and module.double() convert"
            )
    devices = sorted({str(parameter.device) for parameter in found.values()})
    if len(devices) > 1:
        raise ModelError(f"{kind} has parameters on {' and '.join(devices)}; move it to one of them by module.to(device)")
    return found


def flat(module: nn.Module) -> Tensor:
    """The trainable parameters as a vector (P,), float64, in the order of ``layout``.

    Raises:
        ModelError: they cannot be joined to one vector.
    """
    return torch.cat([parameter.detach().flatten().double() for parameter in trainable(module).values()])


def layout(module: nn.Module) -> Layout:
    """Positions of the trainable parameters in the flat vector, in the order of ``named_parameters``.

    The weights of linear layers, convolutions, recurrent layers, attention and embeddings have units (neurons, filters or
    embedded vectors), and so have their biases. The scales and shifts of normalisation layers are biases of no unit. All other
    tensors, such as parameters of the user's own modules, are wholes.
    """
    blocks, offset, parameters = [], 0, trainable(module)
    for name, parameter in parameters.items():
        blocks.append(_block(name, parameter, offset, module.get_submodule(name.rpartition(".")[0]), parameters))
        offset += parameter.numel()
    return Layout(tuple(blocks))


def _block(name: str, parameter: Tensor, offset: int, own: nn.Module, parameters: dict[str, nn.Parameter]) -> Block:
    prefix, _, short = name.rpartition(".")
    shape = tuple(parameter.shape)
    if isinstance(own, _NORMALISATION):
        return Block(name, shape, offset, is_bias=True)
    axis = _axis(own)
    if short.startswith("bias") or short == "in_proj_bias":
        weight = ".".join(filter(None, [prefix, short.replace("bias", "weight")]))
        owned = axis is not None and weight in parameters and parameters[weight].shape[axis] == len(parameter)
        return Block(name, shape, offset, owner=weight if owned else "", is_bias=isinstance(own, (*_ROWS, *_TRANSPOSED)))
    has_units = len(shape) > 1 and (
        short.endswith("weight") or (short.startswith("weight_") and short[-2:] not in ("_g", "_v"))
    )
    return Block(name, shape, offset, axis=axis if has_units else None)


def _axis(own: nn.Module) -> int | None:
    """The axis of the weights of a layer that counts its units; None if no axis does."""
    if isinstance(own, _ROWS):
        return 0
    return 1 if isinstance(own, _TRANSPOSED) and own.groups == 1 else None


def _short(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
