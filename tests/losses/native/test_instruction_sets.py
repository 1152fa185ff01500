"""`make test-narrow` runs the numerical tests with narrower instructions than the processor has: that it does is tested here."""

import ctypes
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from cases import initial, small
from settings_cases import model

from pinnscape.losses.model import discretization
from pinnscape.losses.native.build import Compiler

X86 = platform.machine() in ("x86_64", "AMD64")
MAKEFILE = Path(__file__).parents[3] / "Makefile"


def switches() -> dict[str, str]:
    """The environment of `make test-narrow`."""
    (line,) = [line for line in MAKEFILE.read_text(encoding="utf-8").splitlines() if line.startswith("NARROW := ")]
    words = line.removeprefix("NARROW := ").replace('"', "").split(" ")
    joined: list[str] = []
    for word in words:
        if "=" in word:
            joined.append(word)
        else:
            joined[-1] += f" {word}"
    return dict(word.split("=", 1) for word in joined)


PROBE = """
import json, numpy, torch
print(json.dumps([torch.backends.cpu.get_cpu_capability(), numpy.show_config(mode="dicts")["SIMD Extensions"].get("found", [])]))
"""


@pytest.mark.skipif(not X86, reason="the switches are those of x86-64")
def test_the_switches_narrow_torch_and_numpy():
    environment = os.environ | switches()
    done = subprocess.run([sys.executable, "-c", PROBE], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.strip() == '["DEFAULT", []]'
    assert done.stderr == ""


def test_this_run_has_the_instructions_that_its_environment_asks_for():
    wanted = os.environ.get("ATEN_CPU_CAPABILITY")
    assert wanted is None or torch.backends.cpu.get_cpu_capability() == wanted.upper()


@pytest.mark.skipif(not X86 or shutil.which("c++") is None, reason="needs x86-64 and a C++ compiler")
def test_machine_code_for_another_instruction_set_is_other_code_with_the_same_numbers(tmp_path, monkeypatch):
    theta = initial(small("neo_hookean2d"))
    expected = small("neo_hookean2d").measure(theta)
    monkeypatch.setenv("PINNSCAPE_MARCH", "x86-64-v2")
    found = discretization(model("neo_hookean2d"), compiler=Compiler(tmp_path))
    assert None not in found.assembly.natives
    (file,) = tmp_path.glob("*.so")
    assert ctypes.CDLL(str(file)).lanes() == 2  # of SSE, whatever the processor has
    for name, value in found.measure(theta).items():
        np.testing.assert_allclose(value, expected[name], rtol=1e-11)
