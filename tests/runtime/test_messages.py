"""Errors that Snakemake would show with a traceback: one line where the cause is known."""

import errno
import logging
import os
import sys

import pytest

from runtime.messages import OneLine

NAMES = {"all", "figures", "tables"}


def told(error: Exception) -> str:
    """What is shown of an error that Snakemake logs while it handles it."""
    logger = logging.getLogger("pinnscape.tests.messages")
    before = logger.filters[:], logger.handlers[:]
    shown: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: shown.append(record.getMessage())
    logger.addHandler(handler)
    logger.addFilter(OneLine(NAMES))
    try:
        raise error
    except type(error):
        logger.error("Traceback: 100 %")
    finally:
        logger.filters, logger.handlers = before
    (line,) = shown
    return line


class MissingRuleException(Exception):
    pass


NO_RULE = "No rule to produce {} (if you use input functions make sure that they don't raise unexpected exceptions)."


@pytest.mark.parametrize("code", [errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT])
def test_what_cannot_be_written_is_named_with_a_remedy(tmp_path, monkeypatch, code):
    monkeypatch.chdir(tmp_path)
    line = told(OSError(code, os.strerror(code), str(tmp_path / "results/logs/train")))
    assert line.startswith(f"pinnscape: results/logs/train: cannot be written ({os.strerror(code)}); ")
    try:
        raise PermissionError(code, os.strerror(code), "results/logs")
    except OSError:
        wrapped = RuntimeError("Failed to create output directory")
        wrapped.__context__ = sys.exc_info()[1]
    assert told(wrapped).startswith("pinnscape: results/logs: cannot be written")
    assert told(PermissionError(code, os.strerror(code), "/elsewhere")).startswith("pinnscape: /elsewhere: cannot be written")


def test_what_cannot_be_read_is_told_as_such(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.R_OK)  # root may read everything
    line = told(PermissionError(errno.EACCES, "Permission denied", str(tmp_path)))
    assert (
        line == f"pinnscape: {tmp_path}: cannot be read (Permission denied); make it readable, or run in a copy of the project"
    )


def test_a_misspelt_target_is_named_with_what_it_may_be():
    assert told(MissingRuleException(NO_RULE.format("figurs"))) == (
        "pinnscape: figurs: no such target; did you mean figures? known are all, figures, tables, and the paths of results"
    )
    assert told(MissingRuleException(NO_RULE.format("results/x\x1b.nc"))) == (
        "pinnscape: results/x\\x1b.nc: neither a result of this study nor an existing file"
    )


@pytest.mark.parametrize(
    "error", [ValueError("seventeen"), OSError(errno.ENOENT, "x", "y"), OSError("no number"), OSError(errno.EACCES, "no name")]
)
def test_other_errors_stay_as_they_are(error):
    assert told(error) == "Traceback: 100 %"
