"""What is said of a machine, and when its fingerprint changes."""

import os
import platform
import shutil
import socket
import subprocess
import sys
from importlib import metadata

import pytest

from pinnscape.files import machine


@pytest.fixture(autouse=True)
def _forget():
    """What is known of the machine is kept for the life of a process."""
    forget()
    yield
    forget()


def forget() -> None:
    for function in (machine.description, machine.cuda, machine._macros):
        function.cache_clear()


def fingerprint(threads: int = 1, gpu: bool = False) -> str:
    forget()
    return machine.fingerprint(threads, gpu)


def test_libraries_are_those_that_are_installed():
    found = machine.libraries()
    assert found["python"] == platform.python_version()
    assert found["torch"] == metadata.version("torch")
    assert {"numpy", "scipy", "sympy", "netCDF4", "matplotlib"} <= set(found)


def test_a_library_that_is_not_installed_is_left_out(monkeypatch):
    monkeypatch.setattr(machine, "SHAPING", ("numpy", "no-such-library"))
    assert set(machine.libraries()) == {"python", "numpy"}


def test_the_machine_is_described_without_its_name_or_its_user():
    found = machine.description()
    assert set(found) == {"system", "architecture", "libc", "processor", "vector", "compiler", "target", "switches"}
    assert found["architecture"] == platform.machine()
    text = " ".join(found.values())
    for private in (socket.gethostname(), os.environ.get("HOME", ""), os.environ.get("USER", "")):
        assert not private or private not in text


@pytest.mark.skipif(not shutil.which("g++"), reason="needs g++")
def test_the_compiler_is_the_one_that_compiles(monkeypatch):
    monkeypatch.setenv("CXX", "g++")
    version = subprocess.run(["g++", "-dumpfullversion"], capture_output=True, text=True, check=True).stdout.strip()
    assert machine.description()["compiler"].startswith(version)


def test_a_fingerprint_is_the_same_in_another_process():
    program = (
        f"import sys; sys.path[:0] = {sys.path!r}; from pinnscape.files import machine; print(machine.fingerprint(1, False))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == fingerprint()
    assert len(fingerprint()) == 16


CPUINFO = "processor\t: 0\nvendor_id\t: GenuineIntel\ncpu family\t: 6\nmodel\t\t: 207\nflags\t\t: sse2 avx2\n\nprocessor\t: 1\n"
ARM = "processor\t: 0\nFeatures\t: fp asimd sve\nCPU implementer\t: 0x41\nCPU part\t: 0xd40\n\n"


def with_processor(monkeypatch, folder, text: str) -> str:
    (folder / "cpuinfo").write_text(text)
    monkeypatch.setattr(machine, "_CPUINFO", folder / "cpuinfo")
    return fingerprint()


def test_the_processor_is_what_linux_says(monkeypatch, tmp_path):
    with_processor(monkeypatch, tmp_path, CPUINFO)
    assert machine.description()["processor"] == "GenuineIntel 6 207"
    with_processor(monkeypatch, tmp_path, ARM)
    assert machine.description()["processor"] == "0x41 0xd40"
    monkeypatch.setattr(machine, "_CPUINFO", tmp_path / "none")  # other systems
    assert fingerprint()


def test_other_instructions_or_another_processor_are_another_machine(monkeypatch, tmp_path):
    texts = [
        CPUINFO,
        CPUINFO.replace("avx2", "avx2 avx512f"),
        CPUINFO.replace("207", "85"),
        CPUINFO.replace("Intel", "AMD"),
        ARM,
    ]
    assert len({with_processor(monkeypatch, tmp_path, text) for text in texts}) == len(texts)


def test_the_clock_and_the_number_of_cores_are_not_the_machine(monkeypatch, tmp_path):
    before = with_processor(monkeypatch, tmp_path, CPUINFO.replace("flags", "cpu MHz\t\t: 2100\nflags"))
    assert (
        with_processor(monkeypatch, tmp_path, CPUINFO.replace("flags", "cpu MHz\t\t: 1800\nflags") + "\nprocessor\t: 2\n")
        == before
    )


def test_everything_that_changes_last_digits_changes_the_fingerprint(monkeypatch):
    found = [fingerprint(), fingerprint(threads=2)]
    monkeypatch.setattr(machine, "_ASK_TORCH", "print('H100 9 0 12.8')")
    assert fingerprint() == found[0]  # a job on the CPU does not look at the GPU
    found.append(fingerprint(gpu=True))
    monkeypatch.setattr(machine, "_ASK_TORCH", "print('A100 8 0 12.8')")
    found.append(fingerprint(gpu=True))
    with monkeypatch.context() as context:
        context.setenv("ATEN_CPU_CAPABILITY", "avx2")
        found.append(fingerprint())
        assert machine.description()["switches"] == "ATEN_CPU_CAPABILITY=avx2"
    with monkeypatch.context() as context:
        context.setattr(machine.metadata, "version", lambda name: "0")
        found.append(fingerprint())
    with monkeypatch.context() as context:  # without a compiler everything runs in PyTorch
        context.setattr(machine.shutil, "which", lambda name: None)
        found.append(fingerprint())
        assert machine.description()["compiler"] == "none"
    assert len(set(found)) == len(found)
    assert fingerprint() == found[0]


def test_without_a_gpu_a_job_that_would_take_one_is_a_job_on_the_cpu(monkeypatch):
    monkeypatch.setattr(machine, "_ASK_TORCH", "")
    assert fingerprint(gpu=True) == fingerprint(gpu=False)


def test_torch_is_asked_in_a_process_of_its_own():
    import torch

    assert bool(machine.cuda()) == torch.cuda.is_available()
