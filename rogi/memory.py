"""Memory of the process: what was freed goes back to the system."""

from __future__ import annotations

import ctypes
import sys


def give_back_memory() -> None:
    """Give freed memory back to the system, where the C library can (glibc).

    Geometries are many small blocks, of which glibc keeps the freed ones: the memory of an inventory that was
    freed stays with the process. What is allocated afterwards fills it only if it is small as well.
    """
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # musl has none
        if trim is not None:
            trim(0)
