"""A device that is not there, so that a machine without a GPU finds what would fail on one.

Tensors "on" it are kept on the CPU behind a type of their own, for every operation of torch to come by here: those of derivatives and of vmap too. What
CUDA refuses is refused: an operation on tensors of both devices, a generator of the CPU for numbers made there, numpy on its tensors. And as on another
processor, sums, products and elementary functions are rounded otherwise, to a neighbour of the number that the CPU gives.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Self

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

DEVICE = torch.device("lazy", 0)  # a type that torch knows and has nothing for, derivatives apart
_aten: Any = torch.ops.aten
_MOVING = (_aten._to_copy.default, _aten.copy_.default)
_INDEXING = ("index", "index_put", "index_put_")
_ROUNDED = {
    "addmm", "bmm", "cos", "dot", "einsum", "exp", "linalg_eigh", "linalg_qr", "linalg_solve_triangular", "linalg_svd", "linalg_vector_norm", "log",
    "log_sigmoid_forward", "mean", "mm", "mv", "sigmoid", "sin", "sum", "tanh",
}  # fmt: skip


@contextmanager
def device() -> Iterator[torch.device]:
    """The device, as long as this lasts."""
    with _Functions(), _Operations():
        yield DEVICE


class Elsewhere(Tensor):
    """A tensor on the pretended device; ``kept`` holds its numbers."""

    kept: Tensor

    @staticmethod
    def __new__(cls, kept: Tensor) -> Self:
        found = Tensor._make_wrapper_subclass(
            cls, kept.shape, kept.stride(), kept.storage_offset(), dtype=kept.dtype, device=DEVICE
        )
        found.kept = kept
        return found

    __torch_function__ = torch._C._disabled_torch_function_impl

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        return _operate(func, args, kwargs or {})


class _Operations(TorchDispatchMode):
    def __torch_dispatch__(self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        return _operate(func, args, kwargs or {})


class _Functions(TorchFunctionMode):
    """What torch does to numbers outside of tensors without telling anyone."""

    def __torch_function__(self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        kwargs = dict(kwargs or {})
        if func is torch.tensor and kwargs.get("device") is not None:
            place = kwargs.pop("device")
            return torch.tensor(*args, **kwargs).to(place)
        if func is Tensor.new_tensor:
            return torch.tensor(args[1], dtype=args[0].dtype).to(args[0].device)
        if func is Tensor.tolist:
            return args[0].cpu().tolist()
        if func in (Tensor.__getitem__, Tensor.__setitem__):
            args = (args[0], _index(args[1]), *args[2:])
        return func(*args, **kwargs)


def _index(index: Any) -> Any:
    """Lists as tensors."""
    if isinstance(index, tuple):
        return tuple(map(_index, index))
    return torch.tensor(index) if isinstance(index, list) else index


def _operate(func: Any, args: tuple, kwargs: dict[str, Any]) -> Any:
    """One operation, its results on the device of its arguments or on that which it names."""
    tensors: list[Tensor] = []
    _each(tensors.append, (args, kwargs))
    _refuse(func, tensors, kwargs)
    there = any(isinstance(tensor, Elsewhere) for tensor in tensors)
    if func in _MOVING:
        there = isinstance(args[0], Elsewhere)
    if kwargs.get("device") is not None:
        there = torch.device(kwargs["device"]).type == DEVICE.type
        kwargs = kwargs | {"device": torch.device("cpu")}
    if func is _aten._efficientzerotensor.default:
        func = _aten.zeros.default  # zeros without memory are not for everyone
    changed = {id(tensor.kept): tensor for tensor in tensors if isinstance(tensor, Elsewhere)}
    inner, named = _each(lambda tensor: tensor.kept if isinstance(tensor, Elsewhere) else tensor, (args, kwargs))
    found = func(*inner, **named)

    def placed(tensor: Tensor) -> Tensor:
        if id(tensor) in changed:  # in place
            return changed[id(tensor)]
        return Elsewhere(_neighbour(tensor) if func.overloadpacket.__name__ in _ROUNDED else tensor)

    return _each(placed, found) if there else found


def _each(change: Callable[[Tensor], Any], values: Any) -> Any:
    """Tensors in tuples, lists and mappings, changed."""
    if isinstance(values, Tensor):
        return change(values)
    if isinstance(values, dict):
        return {name: _each(change, value) for name, value in values.items()}
    return type(values)(_each(change, value) for value in values) if type(values) in (tuple, list) else values


def _refuse(func: Any, tensors: list[Tensor], kwargs: dict[str, Any]) -> None:
    """What CUDA refuses.

    Raises:
        RuntimeError: as torch does.
    """
    far = [tensor for tensor in tensors if isinstance(tensor, Elsewhere)]
    near = [tensor for tensor in tensors if not isinstance(tensor, Elsewhere) and not _free(func, tensor)]
    if far and near and func not in _MOVING:
        raise RuntimeError(f"Expected all tensors to be on the same device, but {func} found {DEVICE} and cpu")
    if kwargs.get("generator") is not None and torch.device(kwargs.get("device") or "cpu").type == DEVICE.type:
        raise RuntimeError(f"Expected a generator on {DEVICE}, but found one on the CPU")


def _free(func: Any, tensor: Tensor) -> bool:
    """Whether a tensor on the CPU goes with tensors on a GPU: indices do, and a number with the entries of a tensor."""
    if func.overloadpacket.__name__ in _INDEXING:
        return tensor.ndim == 0 or not tensor.is_floating_point()
    return tensor.ndim == 0 and torch.Tag.pointwise in func.tags


def _neighbour(values: Tensor) -> Tensor:
    """A number next to each of the numbers, above or below as its own digits decide, so that it is the same every time."""
    if values.dtype != torch.float64:
        return values
    sign = (values.contiguous().view(torch.int64) & 4).double() - 2.0
    return values + values * (sign * 2.0**-54)  # by one unit in the last place; zero stays
