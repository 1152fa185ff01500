"""Settings of all tests: one thread, and examples that are the same in every run."""

import signal

import pytest
import torch
from hypothesis import settings

torch.set_num_threads(1)
# A shell ignores it for what it starts in the background, and so would all that tests start and interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)
settings.register_profile("pinnscape", deadline=None, derandomize=True, database=None)
settings.load_profile("pinnscape")


def pytest_configure(config: pytest.Config) -> None:
    # torch's own forward mode compiles a part of itself with it on first use.
    config.addinivalue_line("filterwarnings", "ignore:`torch.jit.script` is deprecated:DeprecationWarning")
