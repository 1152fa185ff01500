"""Errors that are the user's to mend: one clear line each, shown without a traceback."""


class PinnscapeError(Exception):
    """Base of all errors whose message is meant for the user."""


class StudyError(PinnscapeError):
    """A setting is unknown, mistyped, out of range or contradicts another one."""


class StorageError(PinnscapeError):
    """A file is missing, truncated, foreign or of another version."""


class DivergenceError(PinnscapeError):
    """A loss or a curvature is not finite where it has to be."""


class DeviceError(PinnscapeError):
    """The requested device does not exist on this machine."""
