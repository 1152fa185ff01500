"""GPUs and jobs: what is there, and that a job has one for itself."""

import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
import torch

from pinnscape.files import machine
from runtime import gpu_slots

GPUS = torch.cuda.device_count()
WORKFLOW = Path(gpu_slots.__file__).parents[1]


def said(program: str) -> list[str]:
    """The lines of a program that runs in a process of its own."""
    text = f"import sys\nsys.path.insert(0, {str(WORKFLOW)!r})\n{program}"
    return subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True).stdout.splitlines()


def test_the_driver_tells_the_gpus_that_torch_sees() -> None:
    assert len(gpu_slots.visible()) == GPUS


def test_a_job_that_has_reserved_a_gpu_sees_one_and_computes_on_it(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    program = "from runtime import job\nprint(job.device('auto', 1, 1))\nimport torch\nprint(torch.cuda.device_count())"
    assert said(program) == (["cuda", "1"] if GPUS else ["cpu", "0"])
    assert len(list(tmp_path.glob("pinnscape-gpus-*/GPU-*"))) == min(GPUS, 1)


@pytest.mark.skipif(not GPUS, reason="no GPU that two jobs could want")
def test_a_gpu_that_a_job_has_is_not_given_to_another(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))  # which this process has asked for already
    held = [gpu_slots.claim([name], gpu_slots.locks()) for name in gpu_slots.visible()]
    program = "from runtime import gpu_slots\ngpu_slots.reserve()\nprint('has one')"
    with pytest.raises(subprocess.TimeoutExpired):
        subprocess.run(
            [sys.executable, "-c", f"import sys\nsys.path.insert(0, {str(WORKFLOW)!r})\n{program}"], timeout=10, check=True
        )
    for _, lock in held:
        lock.close()
    assert said(program) == ["has one"]


def test_results_of_a_gpu_are_told_apart_from_those_of_the_cpu() -> None:
    assert (machine.cuda() != "") == (GPUS > 0)
    assert (machine.fingerprint(1, gpu=True) != machine.fingerprint(1, gpu=False)) == (GPUS > 0)
