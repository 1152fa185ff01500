"""Classification of handwritten digits by a convolutional network; the data and losses are those of ``digits``."""

import torch
from torch import nn

from pinnscape.models.digits_data import batches, error, fresh, losses, minimum, residuals

__all__ = ["batches", "error", "fresh", "losses", "minimum", "model", "residuals"]


def model(channels: int = 8) -> nn.Module:
    """Two convolutional layers with tanh activation and strides in place of pooling, in double precision."""
    return nn.Sequential(
        nn.Conv2d(1, channels, 3, padding=1, stride=2),
        nn.Tanh(),
        nn.Conv2d(channels, channels, 3, padding=1, stride=2),
        nn.Tanh(),
        nn.Flatten(),
        nn.Linear(4 * channels, 10),
    ).to(torch.float64)
