"""Variables of files that no description knows."""

from typing import Any

import numpy as np


def variable(dims: str | tuple[str, ...], values: Any, long_name: str, **attributes: Any) -> tuple:
    """An xarray variable with its description."""
    return dims, np.asarray(values), {"long_name": long_name, "units": "1", **attributes}
