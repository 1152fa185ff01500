"""What is compared: results on the device with those on the CPU, both in float64.

Both round differently, so results agree up to the rounding of one sum, 1e-16 of its largest term, times what the method makes of it. The bounds of the tests
leave a factor of a thousand or more for that, and are many decades below what single precision (1e-7) or a wrong formula would give.
"""

import numpy as np
import torch
import xarray as xr
from torch import Tensor

ROUNDING = 1e-12  # of one evaluation of a loss and of its derivatives, relative to their largest entry


def lies_on(device: torch.device, *found: Tensor) -> None:
    """Results are where their arguments are, in double precision."""
    assert {tensor.device for tensor in found} == {device}
    assert {tensor.dtype for tensor in found if tensor.is_floating_point()} <= {torch.float64}


def close(found: Tensor | np.ndarray, expected: Tensor | np.ndarray, tolerance: float = ROUNDING) -> None:
    """The same shape, the same entries that are no numbers, and numbers that differ by so much of the largest one."""
    a, b = (_array(values) for values in (found, expected))
    assert a.shape == b.shape
    same = (a == b) | (np.isnan(a) & np.isnan(b))  # among them infinite ones
    size = np.abs(b[np.isfinite(b)]).max(initial=0.0)
    with np.errstate(invalid="ignore"):
        near = np.isfinite(a) & np.isfinite(b) & (np.isinf(tolerance) | (np.abs(a - b) <= min(tolerance, 1e9) * size))
        assert (same | near).all(), f"off by {np.nanmax(np.abs(a - b)):.1e} of {size:.1e}"


def _array(values: Tensor | np.ndarray) -> np.ndarray:
    return np.asarray(values.detach().cpu() if isinstance(values, Tensor) else values, float)


def datasets_agree(found: xr.Dataset, expected: xr.Dataset, tolerance: float, loose: dict[str, float] | None = None) -> None:
    """Every variable that holds numbers; ``loose`` has bounds of its own for some of them."""
    assert set(found.variables) == set(expected.variables)
    assert dict(found.sizes) == dict(expected.sizes)
    for name, values in expected.variables.items():
        if values.dtype.kind not in "fiub":
            assert (found[name].values == values.values).all(), name
            continue
        bound = (loose or {}).get(str(name), tolerance)
        try:
            close(found[name].values, values.values, bound)
        except AssertionError as error:
            raise AssertionError(f"{name}: {error} (at most {bound:.0e})") from None
