"""What libraries log, for ``--verbose`` and ``--log``."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final

LOGGERS: Final = ("rogi", "rasterio", "pyogrio", "fiona", "urllib3", "distributed", "pooch")


class Records(logging.Handler):
    """Hands the records of libraries to a function, from now until :meth:`detach`."""

    def __init__(self, say: Callable[[str], None]) -> None:
        super().__init__(logging.DEBUG)
        self._say = say
        self._before = {name: logging.getLogger(name).level for name in LOGGERS}
        for name in LOGGERS:
            logging.getLogger(name).addHandler(self)
            logging.getLogger(name).setLevel(logging.DEBUG)

    def emit(self, record: logging.LogRecord) -> None:
        """Say one record."""
        self._say(f"{record.name}: {record.getMessage()}")

    def detach(self) -> None:
        """Leave the loggers as they were."""
        for name, level in self._before.items():
            logging.getLogger(name).removeHandler(self)
            logging.getLogger(name).setLevel(level)
