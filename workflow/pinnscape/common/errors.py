"""User-facing errors: each message is one line, shown without a traceback."""


class PinnscapeError(Exception):
    """Base class of all errors with a message for the user.

    A message is one line of printable text. Line breaks, terminal escape sequences and other control characters in quoted file
    contents or names are escaped as in Python strings.
    """

    def __init__(self, message: object = "") -> None:
        super().__init__("".join(c if c.isprintable() else ascii(c)[1:-1] for c in str(message)))


class StudyError(PinnscapeError):
    """A setting is unknown, mistyped, out of range or contradicts another one."""


class StorageError(PinnscapeError):
    """A file is missing, truncated, changed, foreign or of another version."""


class DivergenceError(PinnscapeError):
    """A loss or curvature that must be finite is not."""


class DeviceError(PinnscapeError):
    """The requested device does not exist on this machine."""


class ProblemError(PinnscapeError):
    """The code of a problem is incomplete, or its values are inconsistent."""


class ModelError(PinnscapeError):
    """A torch module, or a loss of it, cannot be analysed."""
