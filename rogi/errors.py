"""Errors a user can cause. The command line turns each into one message and exit code 2."""

from __future__ import annotations


class RogiError(Exception):
    """Something the user can put right; the message says what was found, what is allowed, what to do next."""


class InputError(RogiError):
    """A file, layer or folder that cannot be read as what it should be."""


class OptionError(RogiError):
    """An unknown or contradictory option, rule, layer, field or setting."""


class OutputError(RogiError):
    """A result that could not be written; nothing was left half-written."""


class MissingExtra(RogiError):
    """An optional dependency is needed; the message names the extra to install."""


INTERRUPTED = 130
"""Exit code after Ctrl-C: 128 and the number of the signal, as of shells."""

NO_READER = 141
"""Exit code where the reader of the output went away, as of programs that SIGPIPE ends."""


def is_interrupt(error: BaseException | None) -> bool:
    """Whether an error is somebody's Ctrl-C, or came of one: in compiled code it ends as a SystemError."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__ or error.__context__
    return error is not None
