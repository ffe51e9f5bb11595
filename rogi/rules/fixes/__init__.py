"""Mending what rules find: safe fixes keep the meaning, unsafe ones decide; every change is listed."""

from rogi.rules.fixes.changes import Change, FixLevel, FixReport
from rogi.rules.fixes.mend import fix

__all__ = ["Change", "FixLevel", "FixReport", "fix"]
