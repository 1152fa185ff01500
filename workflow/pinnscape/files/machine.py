"""Properties of a machine that can change the last digits of a result: libraries, processor, compiler and GPU.

Host and user names are not included.
"""

import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from pinnscape.files.provenance import SHAPING

# Environment variable with the instruction set for which losses are compiled, in the form of the compiler option -march. The
# default is the instruction set of this machine.
ARCHITECTURE = "PINNSCAPE_MARCH"
# Environment variables that make a library choose other code on the same processor.
_SWITCHES = (
    ARCHITECTURE,
    "ATEN_CPU_CAPABILITY",
    "MKL_CBWR",
    "MKL_ENABLE_INSTRUCTIONS",
    "NPY_DISABLE_CPU_FEATURES",
    "NPY_ENABLE_CPU_FEATURES",
)
_SWITCHES += (
    "ONEDNN_MAX_CPU_ISA",
    "OPENBLAS_CORETYPE",
    "CUBLAS_WORKSPACE_CONFIG",
    "CUDA_VISIBLE_DEVICES",
    "NVIDIA_TF32_OVERRIDE",
)
_CPUINFO = Path("/proc/cpuinfo")
_FAMILY = ("vendor_id", "cpu family", "model", "CPU implementer", "CPU part")  # x86, then ARM
_FLAGS = ("flags", "Features")
_ASK_TORCH = """
import torch
if torch.cuda.is_available():
    print(torch.cuda.get_device_name(), *torch.cuda.get_device_capability(), torch.version.cuda)
"""


def libraries() -> dict[str, str]:
    """Versions of Python and of the installed libraries that affect results."""
    versions = {"python": platform.python_version()}
    for name in SHAPING:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return versions


@cache
def description() -> dict[str, str]:
    """System, processor, vector instructions, compiler and the environment variables that affect them, in readable form.

    ``target`` is a digest of the predefined macros of the compiler, which describe the compiler and the processor.
    """
    processor = _processor(_FAMILY)
    return {
        "system": platform.system(),
        "architecture": platform.machine(),
        "libc": " ".join(platform.libc_ver()).strip(),
        "processor": " ".join(processor) or platform.processor(),
        "vector": " ".join(_vector()),
        "compiler": next((line.split(maxsplit=2)[2].strip('"') for line in _macros() if "__VERSION__" in line), "none"),
        "target": hashlib.sha256("\n".join(_macros()).encode()).hexdigest()[:16],
        "switches": " ".join(f"{name}={os.environ[name]}" for name in _SWITCHES if name in os.environ),
    }


def fingerprint(threads: int, gpu: bool) -> str:
    """A digest that differs between machines and environments with possibly different results.

    Args:
        threads: number of threads of the job.
        gpu: whether the job uses a GPU if there is one.

    Returns:
        16 hexadecimal digits.
    """
    known = {
        "libraries": libraries(),
        "machine": description(),
        "instructions": _processor(_FLAGS),
        "threads": threads,
        "gpu": cuda() if gpu else "",
    }
    return hashlib.sha256(json.dumps(known, sort_keys=True).encode()).hexdigest()[:16]


def architecture() -> str:
    """The instruction set for which losses are compiled."""
    return os.environ.get(ARCHITECTURE) or "native"


@cache
def cuda() -> str:
    """The GPU that torch would use, or an empty text. A subprocess asks torch, so this process does not initialise CUDA."""
    done = subprocess.run(
        [sys.executable, "-c", _ASK_TORCH], capture_output=True, text=True, encoding="utf-8", errors="replace", check=True
    )
    return done.stdout.strip()


def _vector() -> list[str]:
    """Vector instructions that numpy uses on this machine."""
    configuration: Any = np.show_config(mode="dicts")
    return configuration.get("SIMD Extensions", {}).get("found", [])


def _processor(names: tuple[str, ...]) -> list[str]:
    """The named entries of /proc/cpuinfo for the first processor; empty on other systems than Linux."""
    if not _CPUINFO.is_file():
        return []
    first = _CPUINFO.read_text(encoding="utf-8").split("\n\n")[0]
    facts = {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in first.splitlines())}
    return [facts[name] for name in names if name in facts]


@cache
def _macros() -> list[str]:
    """The predefined macros of the C++ compiler, which describe its version and instruction set; empty without a compiler."""
    candidates = [os.environ.get("CXX") or "c++", "g++", "clang++"]  # the same search as in native/build.py
    found = next((path for path in map(shutil.which, candidates) if path), None)
    if found is None:
        return []
    command = [found, f"-march={architecture()}", "-dM", "-E", "-x", "c++", "-"]
    return subprocess.run(
        command, input="", capture_output=True, text=True, encoding="utf-8", errors="replace", check=False
    ).stdout.splitlines()
