"""Mending what rules find: safe fixes keep the meaning, unsafe ones decide; every change is listed."""

from rogi.fixes.mend import fix
from rogi.fixes.report import Change, FixLevel, FixReport

__all__ = ["Change", "FixLevel", "FixReport", "fix"]
