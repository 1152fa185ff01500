"""The training loss of a DeepXDE model (Lu et al. 2021) with the PyTorch backend. DeepXDE itself is not imported."""

import logging
from collections import Counter
from typing import Any

from torch import Tensor, nn

from pinnscape.common.errors import ModelError
from pinnscape.losses.functional import Function

log = logging.getLogger(__name__)


def functions(model: Any) -> tuple[nn.Module, Function]:
    """The network of a compiled model, and its training loss with the terms by name.

    Raises:
        ModelError: the model is not compiled, or has no PyTorch network.
    """
    net = getattr(model, "net", None)
    if not isinstance(net, nn.Module):
        raise ModelError("the network of the DeepXDE model is no torch module; start Python with DDE_BACKEND=pytorch")
    if getattr(model, "outputs_losses_train", None) is None:
        raise ModelError("the DeepXDE model has no losses yet; call model.compile first")
    if getattr(model, "external_trainable_variables", None):
        log.warning("the external trainable variables of the DeepXDE model are no parameters of its network: they stay fixed")
    data = _data(model)

    def loss(module: nn.Module) -> dict[str, Tensor]:
        own, model.net = model.net, module
        try:
            _, losses = model.outputs_losses_train(*data)
        finally:
            model.net = own
        return dict(zip(names(model, len(losses)), losses, strict=True))

    return net, loss


def _data(model: Any) -> tuple[Any, Any, Any]:
    """The points on which the model was trained, or would be trained, with their targets and auxiliary variables."""
    state = model.train_state
    if state.X_train is None:
        state.set_data_train(*model.data.train_next_batch(model.batch_size))
    return state.X_train, state.y_train, state.train_aux_vars


def names(model: Any, count: int) -> list[str]:
    """Names of the ``count`` terms of the loss: first those of the equations, then those of the conditions."""
    conditions = [type(each).__name__ for each in getattr(model.data, "bcs", ())]
    regularised = getattr(model.net, "regularizer", None) is not None and model.net.regularizer[0] == "l1"
    rest = [*conditions, *(["regularisation"] if regularised else [])]
    found = ["equation"] * (count - len(rest)) + rest
    several = {name for name, number in Counter(found).items() if number > 1}
    seen: Counter[str] = Counter()
    numbered = []
    for name in found:
        seen[name] += 1
        numbered.append(f"{name}-{seen[name]}" if name in several else name)
    return numbered
