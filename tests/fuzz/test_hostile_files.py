"""Opening somebody's checkpoint runs no code: files that are sealed well and mean ill are refused or harmless, and no message reaches the terminal's controls."""

import ast
import json
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import netCDF4
import numpy as np
import pytest
import xarray as xr
from file_cases import variable

from pinnscape.common.errors import PinnscapeError
from pinnscape.files import checksum, netcdf, store
from pinnscape.files.store import REQUIRED

WORKFLOW = Path(__file__).parents[2] / "workflow"
RED = "\x1b[31mred\x1b[0m\r\n\x07%n{0}\u202e\x9b2J"
TRACE = "import pathlib; pathlib.Path('ran').touch()"


class Payload:
    """What a pickle runs when it is loaded."""

    def __reduce__(self):
        return exec, (TRACE,)


def string(name: str, text: object) -> Callable[[netCDF4.Dataset], None]:
    return lambda handle: handle.setncattr(name, text)


def of_type(
    handle: netCDF4.Dataset, make: Callable[[netCDF4.Dataset], object], fill: Callable[[netCDF4.Variable], None]
) -> None:
    handle.createDimension("odd", 2)
    fill(handle.createVariable("odd", make(handle), ("odd",)))


def ragged(handle: netCDF4.Dataset) -> None:
    def fill(values: netCDF4.Variable) -> None:
        values[0] = np.frombuffer(pickle.dumps(Payload()), "u1")

    of_type(handle, lambda handle: handle.createVLType("u1", "bytes"), fill)


def compound(handle: netCDF4.Dataset) -> None:
    dtype = np.dtype([("a", "f8"), ("b", "i4")])

    def fill(values: netCDF4.Variable) -> None:
        values[:] = np.zeros(2, dtype)

    of_type(handle, lambda handle: handle.createCompoundType(dtype, "pair"), fill)


def renamed(handle: netCDF4.Dataset) -> None:
    handle.createDimension("odd", 2)
    handle.createVariable("__class__", "f8", ("odd",)).long_name = RED


def encoded(name: str, value: object) -> Callable[[netCDF4.Dataset], None]:
    return lambda handle: handle["loss"].setncattr(name, value)


def huge(handle: netCDF4.Dataset) -> None:
    handle.createDimension("huge", 10**12)
    handle.createVariable("huge", "f8", ("huge",), chunksizes=(2**20,))


# What is done to a good file before it is sealed again, and what is said; None: it is read, which is harmless.
HOSTILE: dict[str, tuple[Callable[[netCDF4.Dataset], None], str | None]] = {
    "configuration no JSON": (string("configuration", "{" + RED), "its attribute configuration is not JSON"),
    "configuration no object": (string("configuration", "[1]"), "its attribute configuration is not JSON"),
    "configuration too deep": (string("configuration", "[" * 100_000), "its attribute configuration is not JSON"),
    "configuration Python": (
        string("configuration", f"__import__('os').system('{TRACE}')"),
        "its attribute configuration is not JSON",
    ),
    "configuration numbers": (string("configuration", np.arange(3)), "its attribute configuration is not text"),
    "versions a pickle": (
        string("versions", np.frombuffer(pickle.dumps(Payload()), "u1")),
        "its attribute versions is not text",
    ),
    "seed text": (string("seed", RED), "its attribute seed is not a whole number"),
    "seed fraction": (string("seed", 0.5), "its attribute seed is not a whole number"),
    "stage escapes": (string("stage", RED * 50), "comes from technique `"),
    "conventions escapes": (string("conventions", RED * 50), "has conventions '"),
    "conventions numbers": (string("conventions", np.arange(3)), "its attribute conventions is not text"),
    "title escapes": (string("title", RED), None),
    "strange attribute": (string("allow_pickle", 1), None),
    "ragged pickles": (ragged, "not a readable NetCDF file (its variable 'odd' holds neither numbers nor text"),
    "compound": (compound, "not a readable NetCDF file (its variable 'odd' holds neither numbers nor text"),
    "special name": (renamed, None),
    "time units": (encoded("units", f"days since {RED}"), None),
    "dtype": (encoded("dtype", "object"), None),
    "fill value": (encoded("missing_value", RED), None),
    "scale": (encoded("scale_factor", RED), None),
    "huge": (huge, "not a readable NetCDF file (its variables are larger than its bytes can hold)"),
}


def checkpoints() -> xr.Dataset:
    return xr.Dataset({name: variable("k", np.arange(2.0), name) for name in REQUIRED["checkpoints"]})


def good(path: Path) -> Path:
    head = {"case": "poisson1d", "trained_on": "deep-ritz", "seed": 0, "configuration": {}}
    store.write(path, checkpoints(), stage="checkpoints", title="Checkpoints", **head)
    return path


@pytest.fixture(scope="module")
def opened(tmp_path_factory) -> tuple[Path, dict[str, tuple[str, list]]]:
    """What was said of each hostile file, and what Python was asked to do while it was open."""
    folder = tmp_path_factory.mktemp("hostile")
    paths = [good(folder / "good.nc")]
    for name, (harm, _) in HOSTILE.items():
        path = good(folder / f"{name.replace(' ', '-')}.nc")
        with netCDF4.Dataset(path, "a") as handle:
            harm(handle)
        checksum.append(path, netcdf.CONVENTIONS)
        paths.append(path)
    worker = Path(__file__).with_name("hostile_worker.py")
    command = [sys.executable, "-X", "faulthandler", str(worker), *map(str, paths)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    return folder, dict(zip(["good", *HOSTILE, "pickle"], rows, strict=True))


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_refused_in_one_printable_line_or_harmless(opened, name):
    folder, rows = opened
    said, expected = rows[name][0], HOSTILE[name][1]
    if expected is None:
        assert said == "read"
        return
    path = folder / f"{name.replace(' ', '-')}.nc"
    assert said.startswith(f"{path}: {expected}")
    assert said.endswith("; delete it and run `snakemake` again (rule `checkpoints` makes it)")
    assert said.isprintable()
    assert len(said) < len(str(path)) + 400


def test_opening_runs_no_code(opened):
    folder, rows = opened
    assert {event for event, _ in rows["pickle"][1]} == {"pickle.find_class", "compile", "exec"}, "the hook sees nothing"
    for name in ("good", *HOSTILE):
        events = rows[name][1]
        path = folder / f"{name.replace(' ', '-')}.nc"
        # The netCDF4 library evaluates this constant of its own to find where a warning points to.
        allowed = [["open", str(path)], ["compile", "b'_getframe()'"]]
        others = [event for event in events if event not in allowed]
        assert others == [], name
        assert allowed[0] in events
    assert not (folder / "ran").exists()


def test_nothing_in_the_project_loads_pickles():
    """No module that can run what a file of results holds is imported, and nothing is asked for that allows it.

    Weights of modules are loaded without code (``weights_only=True``). The one exception runs what SymPy derived from a problem, which lies in .cache beside the machine code made of it, and in no result.
    """
    forbidden = {"pickle", "cPickle", "dill", "joblib", "shelve", "marshal", "cloudpickle"}
    calls = {"eval", "exec", "unsafe_load", "full_load", "load_all", "read_pickle", "to_pickle"}
    for path in sorted(WORKFLOW.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_bytes())):
            where = f"{path}:{getattr(node, 'lineno', 0)}"
            if isinstance(node, ast.Import):
                assert not forbidden & {alias.name.split(".")[0] for alias in node.names}, where
            elif isinstance(node, ast.ImportFrom):
                assert (node.module or "").split(".")[0] not in forbidden, where
            elif isinstance(node, ast.Call):
                called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                derived = (path.name, called) in {("formulas.py", "exec"), ("symbols.py", "exec")}
                assert called not in calls or derived, where
                assert "allow_pickle" not in {keyword.arg for keyword in node.keywords}, where
                owner = getattr(getattr(node.func, "value", None), "id", "")
                only_weights = any(k.arg == "weights_only" and getattr(k.value, "value", None) is True for k in node.keywords)
                assert (owner, called) != ("torch", "save"), where
                assert (owner, called) != ("torch", "load") or only_weights, where


@pytest.mark.parametrize("text", [RED, "a\nb", "\udcff", "\u2028", "tab\tbed", "\x85"])
def test_messages_show_control_characters_as_text(text):
    shown = str(PinnscapeError(f"{text}: é ‖θ‖"))
    assert shown.isprintable()
    assert shown.encode("utf-8").endswith(": é ‖θ‖".encode())
    assert ast.literal_eval(f'"{shown}"') == f"{text}: é ‖θ‖"
