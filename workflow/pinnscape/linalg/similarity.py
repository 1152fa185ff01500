"""How alike two matrices are at the same point: angles between eigenspaces, distances between spectra. Torch is not needed."""

import numpy as np


def principal_angles(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Principal angles in degrees, ascending, between the row spaces of a and b, both (k, P) with orthonormal rows (Björck & Golub 1973).

    Angles below 45° come from sines, which rounding does not blur as it does cosines near 1 (Knyazev & Argentati 2002).
    """
    cosines = np.clip(np.linalg.svd(a @ b.T, compute_uv=False), 0.0, 1.0)
    sines = np.clip(np.sort(np.linalg.svd(b - (b @ a.T) @ a, compute_uv=False)), 0.0, 1.0)
    return np.degrees(np.where(cosines**2 > 0.5, np.arcsin(sines), np.arccos(cosines)))


def spectral_distance(a: np.ndarray, b: np.ndarray, count: int, floor: float = 1e-10) -> float:
    """Mean distance in decades between the ``count`` largest eigenvalues of two spectra, each scaled by its own largest.

    The mean of |log10(aᵢ/a₁) - log10(bᵢ/b₁)|: spectra fall over many decades, and on a linear scale all look like a spike at 0. Ratios below
    ``floor``, negative ones among them, count as ``floor``. NaN where a largest eigenvalue is not positive.
    """
    a, b = np.sort(a)[::-1][:count], np.sort(b)[::-1][:count]
    if a[0] <= 0 or b[0] <= 0:
        return float("nan")
    return float(np.mean(np.abs(np.log10(np.maximum(a / a[0], floor)) - np.log10(np.maximum(b / b[0], floor)))))


def wasserstein(a: np.ndarray, b: np.ndarray) -> float:
    """Wasserstein-1 distance between two spectra of equal size, each scaled by its largest eigenvalue."""
    return float(np.mean(np.abs(np.sort(a) / a.max() - np.sort(b) / b.max())))
