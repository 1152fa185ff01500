"""Memory that ran out, however a library says so."""

import errno

# torch reports it as a RuntimeError on the CPU, C++ code by the name of its exception.
_SAYINGS = ("can't allocate memory", "cannot allocate memory", "out of memory", "bad_alloc")


def ran_out(error: BaseException) -> bool:
    """Whether ``error`` means that memory did not suffice."""
    if isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno == errno.ENOMEM):
        return True
    return isinstance(error, RuntimeError) and any(saying in str(error).lower() for saying in _SAYINGS)
