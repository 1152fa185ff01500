"""Similarity of two matrices: principal angles between eigenspaces and distances between spectra. Torch is not needed."""

import numpy as np


def principal_angles(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Principal angles in degrees, ascending, between the row spaces of a and b, both (k, P) with orthonormal rows (Björck & Golub 1973).

    Angles below 45° are computed from sines, because cosines near 1 lose accuracy by rounding (Knyazev & Argentati 2002).
    """
    cosines = np.clip(np.linalg.svd(a @ b.T, compute_uv=False), 0.0, 1.0)
    sines = np.clip(np.sort(np.linalg.svd(b - (b @ a.T) @ a, compute_uv=False)), 0.0, 1.0)
    return np.degrees(np.where(cosines**2 > 0.5, np.arcsin(sines), np.arccos(cosines)))


def spectral_distance(a: np.ndarray, b: np.ndarray, count: int, floor: float = 1e-10) -> float:
    """Mean distance in decades between the ``count`` largest eigenvalues of two spectra, each scaled by its own largest.

    The distance is the mean of |log10(aᵢ/a₁) - log10(bᵢ/b₁)|, because spectra decay over many decades and all look like a spike
    at 0 on a linear scale. Ratios below ``floor``, including negative ones, count as ``floor``. The distance is NaN if the
    largest eigenvalue of either spectrum is not positive.
    """
    a, b = np.sort(a)[::-1][:count], np.sort(b)[::-1][:count]
    if a[0] <= 0 or b[0] <= 0:
        return float("nan")
    return float(np.mean(np.abs(np.log10(np.maximum(a / a[0], floor)) - np.log10(np.maximum(b / b[0], floor)))))


def wasserstein(a: np.ndarray, b: np.ndarray) -> float:
    """Wasserstein-1 distance between two spectra of equal size, each scaled by its largest eigenvalue."""
    return float(np.mean(np.abs(np.sort(a) / a.max() - np.sort(b) / b.max())))
