"""The elementary functions of the machine code against extended precision, with and without the widest vectors."""

import ctypes
import platform
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from pinnscape.losses.native import build

pytestmark = pytest.mark.xdist_group("vector")  # one process runs them all: they share what a fixture makes

SOURCE = '#include "vector.hpp"' + "".join(
    f"""
EXPORTED void {name}_of(const double* x, long count, double* result) {{
    for (long i = 0; i < count; i += LANES) {{
        Vec v;
        std::memcpy(&v, x + i, sizeof v);
        v = {name}(v);
        std::memcpy(result + i, &v, sizeof v);
    }}
}}"""
    for name in ("tanh", "exp")
)

# Vectors as wide as the processor has, and narrower ones.
WIDTHS = ["", "-mno-avx512f", "-mno-avx"] if platform.machine() in ("x86_64", "AMD64") else [""]


@pytest.fixture(scope="module", params=WIDTHS)
def library(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    compiler, path = shutil.which("c++"), tmp_path_factory.mktemp("vector") / "vector.so"
    if compiler is None:
        pytest.skip("no C++ compiler")
    flags = [
        *build._FLAGS,
        f"-march={build.architecture()}",
        *([request.param] if request.param else []),
        f"-I{Path(build.__file__).parent}",
    ]
    subprocess.run([compiler, *flags, "-x", "c++", "-", "-o", str(path)], input=SOURCE, text=True, check=True)
    return ctypes.CDLL(str(path))


def called(function, x: np.ndarray) -> np.ndarray:
    x = np.ascontiguousarray(np.pad(x, (0, -len(x) % 8), mode="edge"))
    result = np.empty_like(x)
    function(x.ctypes.data_as(ctypes.c_void_p), ctypes.c_long(len(x)), result.ctypes.data_as(ctypes.c_void_p))
    return result


def units(found: np.ndarray, exact: np.ndarray) -> float:
    """Largest error in units of the last place."""
    return float((np.abs(found - exact) / np.spacing(np.abs(exact).astype(float))).max())


def test_tanh_is_right_to_a_few_units(library: ctypes.CDLL) -> None:
    random = np.random.default_rng(0)
    sizes = 10.0 ** random.uniform(-300, 2, 100_000)
    # Where the reduction of the argument goes from one n to the next.
    edges = (np.arange(-900, 900) + 0.5) * np.log(2) / 32
    near = edges[:, None] * (1 + np.arange(-3, 4) * 2.0**-52)
    x = np.concatenate([random.uniform(-22, 22, 200_000), random.uniform(-0.1, 0.1, 200_000), sizes, -sizes, near.ravel()])
    x = x[: len(x) // 8 * 8]
    found = called(library.tanh_of, x)
    assert units(found, np.tanh(x.astype(np.longdouble))) < 4.0
    assert np.abs(found).max() <= 1.0


def test_exp_is_right_to_a_few_units(library: ctypes.CDLL) -> None:
    x = np.random.default_rng(1).uniform(-700, 700, 200_000)
    assert units(called(library.exp_of, x), np.exp(x.astype(np.longdouble))) < 4.0


def test_what_is_not_finite(library: ctypes.CDLL) -> None:
    x = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 5e-324, 1e308, -1e308])
    np.testing.assert_array_equal(called(library.tanh_of, x)[:6], [np.nan, 1, -1, 0, 0, 5e-324])
    np.testing.assert_array_equal(called(library.exp_of, x), [np.nan, np.inf, 0, 1, 1, 1, np.inf, 0])
