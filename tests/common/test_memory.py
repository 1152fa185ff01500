"""What counts as memory that ran out, with errors that libraries raise for real."""

import errno
import subprocess

import numpy as np
import pytest
import torch

from pinnscape.common import memory

HUGE = 2**60


def raised(call) -> BaseException:
    with pytest.raises((MemoryError, RuntimeError, OSError)) as caught:
        call()
    return caught.value


@pytest.mark.parametrize(
    "call",
    [lambda: np.empty(HUGE // 16), lambda: torch.empty(HUGE // 8, dtype=torch.float64), lambda: bytearray(HUGE)],
    ids=["numpy", "torch", "python"],
)
def test_memory_that_ran_out_is_known_by_what_libraries_say(call):
    assert memory.ran_out(raised(call))


def test_errors_of_the_system_count_by_their_number():
    assert memory.ran_out(OSError(errno.ENOMEM, "Cannot allocate memory"))
    assert not memory.ran_out(OSError(errno.ENOSPC, "No space left on device"))


@pytest.mark.parametrize("error", [RuntimeError("shapes"), ValueError("out of memory"), subprocess.CalledProcessError(1, "x")])
def test_other_errors_do_not_count(error):
    assert not memory.ran_out(error)
