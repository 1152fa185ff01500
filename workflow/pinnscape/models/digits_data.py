"""The handwritten digits of scikit-learn, and losses and accuracies of networks that classify them.

A network maps images (n, 1, 8, 8) to the scores (n, 10) of the digits. The cross-entropy is the mean of −log softmax(score); the
squared error is the mean of |score − e|², with the unit vector e of the digit, which is often as good for classification (Hui &
Belkin 2021).
"""

from functools import cache

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

_TRAINING = 719  # number of images for the training, two fifths of all; the others are for the test
batches = 6  # number of mini-batches, of 119 or 120 images
minimum = {"cross-entropy": 0.0, "squared-error": 0.0}


@cache
def _data(device: torch.device) -> tuple[Tensor, Tensor]:
    """Images (1797, 1, 8, 8) with values from -1 to 1, and digits (1797,), in a random order."""
    from sklearn.datasets import load_digits

    images, digits = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(digits))
    pixels = torch.tensor(images[order] / 8.0 - 1.0, device=device).reshape(-1, 1, 8, 8)
    return pixels, torch.tensor(digits[order], device=device)


def _part(module: nn.Module, part: slice) -> tuple[Tensor, Tensor]:
    """Scores of the network and digits of a part of the images."""
    images, digits = _data(next(module.parameters()).device)
    return module(images[part]), digits[part]


def _training(batch: int | None) -> slice:
    """The images of a mini-batch, or all images for the training."""
    return slice(_TRAINING) if batch is None else slice(batch, _TRAINING, batches)


def _test() -> slice:
    return slice(_TRAINING, None)


def _differences(scores: Tensor, digits: Tensor) -> Tensor:
    """Residuals whose sum of squares is the squared error."""
    return (scores - functional.one_hot(digits, 10)) / len(digits) ** 0.5


def _losses(module: nn.Module, part: slice) -> dict[str, Tensor]:
    """Both losses on a part of the images, from one pass through the network."""
    scores, digits = _part(module, part)
    square = _differences(scores, digits).square().sum()
    return {"cross-entropy": functional.cross_entropy(scores, digits), "squared-error": square}


def losses(module: nn.Module, batch: int | None = None) -> dict[str, Tensor]:
    """The losses on the images for the training, or on a mini-batch."""
    return _losses(module, _training(batch))


def fresh(module: nn.Module) -> dict[str, Tensor]:
    """The losses on the images for the test."""
    return _losses(module, _test())


residuals = {"squared-error": lambda module: _differences(*_part(module, _training(None)))}


def error(module: nn.Module) -> dict[str, Tensor]:
    """Accuracies: shares of the images for the training and for the test that are classified correctly."""
    parts = {"training_accuracy": _training(None), "test_accuracy": _test()}
    found = {}
    with torch.no_grad():
        for name, part in parts.items():
            scores, digits = _part(module, part)
            found[name] = (scores.argmax(-1) == digits).double().mean()
    return found
