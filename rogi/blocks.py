"""Work on long arrays, block by block, in threads."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context

PER_TASK = 512


def run_blocks(
    task: Callable[[int, int], None], total: int, workers: int | None = None, *, size: int = PER_TASK
) -> None:
    """Call ``task(start, stop)`` for blocks of ``range(total)`` in threads; the task must release the GIL.

    Parameters
    ----------
    task : callable
        Blocks come in any order, so it writes each to its own place. It runs under the settings of the caller
        (`numpy.errstate`).
    total, size : int
        Items in all and in a block.
    workers : int, optional
        Threads; by default one per available core.
    """
    blocks = [(start, min(start + size, total)) for start in range(0, total, size)]
    if workers is None:
        workers = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if workers < 2 or len(blocks) < 2:
        for block in blocks:
            task(*block)
        return
    with ThreadPoolExecutor(workers) as pool:
        contexts = [copy_context() for _ in blocks]  # none may be entered twice at a time
        list(pool.map(lambda context, block: context.run(task, *block), contexts, blocks))
