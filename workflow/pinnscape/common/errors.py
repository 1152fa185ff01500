"""Errors that are the user's to mend: one clear line each, shown without a traceback."""


class PinnscapeError(Exception):
    """Base of all errors whose message is meant for the user.

    A message is one line of printable text, whatever it quotes of a file or a name: line breaks, escape sequences of terminals and the like
    are written as Python writes them in strings.
    """

    def __init__(self, message: object = "") -> None:
        super().__init__("".join(c if c.isprintable() else ascii(c)[1:-1] for c in str(message)))


class StudyError(PinnscapeError):
    """A setting is unknown, mistyped, out of range or contradicts another one."""


class StorageError(PinnscapeError):
    """A file is missing, truncated, changed, foreign or of another version."""


class DivergenceError(PinnscapeError):
    """A loss or a curvature is not finite where it has to be."""


class DeviceError(PinnscapeError):
    """The requested device does not exist on this machine."""


class ProblemError(PinnscapeError):
    """The code of a problem lacks something, or the numbers that it gives cannot be right."""
