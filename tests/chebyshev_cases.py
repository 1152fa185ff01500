"""Functions, domains and points that the tests of Chebyshev interpolants and of spectral surfaces share."""

import numpy as np

from pinnscape.landscape.chebyshev import Interpolant, coefficients, nodes

SQUARE = ((-1.0, 1.0), (-1.0, 1.0))
ASYMMETRIC = ((-0.3, 4.7), (-2.5, 0.1))


class Counted:
    """A function of points (m, d) that remembers where it was evaluated."""

    def __init__(self, *fields):
        self.fields, self.calls = fields, []

    def __call__(self, points):
        self.calls.append(points.copy())
        return np.stack([field(*points.T) for field in self.fields])

    @property
    def points(self):
        return np.concatenate(self.calls)


def uniform(domain, count=1000, seed=12345):
    low, high = np.array(domain).T
    return np.random.default_rng(seed).uniform(low, high, (count, len(domain)))


def true_error(result, function, count=1000):
    points = uniform(result.interpolant.domain, count)
    return np.abs(result.interpolant.at(points) - function(points)).max(1)


def on_nodes(function, domain, *degrees):
    """The interpolant of one function at given degrees."""
    axes = [nodes(n, *interval) for n, interval in zip(degrees, domain, strict=True)]
    return Interpolant(domain, coefficients(function(*np.meshgrid(*axes, indexing="ij"))[None], len(domain)))
