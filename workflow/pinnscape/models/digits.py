"""Classification of handwritten digits by a multilayer perceptron, the data-driven reference of the study.

The data are the 1,797 images of 8 x 8 pixels that scikit-learn contains (Alpaydin & Kaynak 1998, a part of the Optical Recognition
of Handwritten Digits data set); 719 of them are for the training, 1,078 for the test.
"""

import itertools

import torch
from torch import nn

from pinnscape.models.digits_data import batches, error, fresh, losses, minimum, residuals

__all__ = ["batches", "error", "fresh", "losses", "minimum", "model", "residuals"]


def model(width: int = 12, depth: int = 1) -> nn.Module:
    """A multilayer perceptron with tanh activation, in double precision."""
    sizes = [64, *[width] * depth]
    hidden = [layer for pair in itertools.pairwise(sizes) for layer in (nn.Linear(*pair), nn.Tanh())]
    return nn.Sequential(nn.Flatten(), *hidden, nn.Linear(sizes[-1], 10)).to(torch.float64)
