"""Detection of out-of-memory errors, which libraries report in different ways."""

import errno

# On the CPU, torch raises a RuntimeError with one of these texts; C++ code reports the name of its exception.
_MESSAGES = ("can't allocate memory", "cannot allocate memory", "out of memory", "bad_alloc")


def ran_out(error: BaseException) -> bool:
    """Whether ``error`` reports insufficient memory."""
    if isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno == errno.ENOMEM):
        return True
    return isinstance(error, RuntimeError) and any(message in str(error).lower() for message in _MESSAGES)
