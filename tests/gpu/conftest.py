"""The device of the tests in this folder: a GPU where there is one, else one that is pretended (see ``pretended``)."""

from collections.abc import Iterator

import pytest
import torch
from gpu import pretended

torch.set_num_threads(1)


@pytest.fixture
def device() -> Iterator[torch.device]:
    if torch.cuda.is_available():
        yield torch.device("cuda", 0)
    else:
        with pretended.device() as found:
            yield found
