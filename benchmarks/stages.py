"""Where the time of a whole `rogi detect predict` goes: cold, warm, and with nothing left to predict.

A network of one convolution on 8000 x 8000 pixels in tiles (676 windows). Wall and processor seconds by
stage, so that a busy machine can be told from a slow stage. Cold: numba has compiled nothing yet.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import host
import measure

SIDE = 8000
QUIET_GROUND = ("--threshold", "0.95", "--minimum-area", "1000000")
"""Few outlines: their number is the model's, not the machine's."""

BEGIN = "ROGI_BENCHMARK_BEGIN"
"""Environment variable: when the command was started."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--side", type=int, default=SIDE, help="pixels of the picture")
    parser.add_argument("--options", default="", help="more options of the command, such as '--device cuda'")
    parser.add_argument("--inside", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.inside:
        inside(options.inside)
        return
    with tempfile.TemporaryDirectory() as name:
        report(Path(name), options.side, options.options.split())


def report(folder: Path, side: int, more: list[str]) -> None:
    """Run the command three times and print its stages."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "detection"))
    from bundles import tiny_bundle

    model = tiny_bundle(folder / "tiny").path
    picture = host.picture(folder, side)
    runs = []
    for title, out in (("cold", "a"), ("warm", "b"), ("all blocks there", "b")):
        arguments = ["detect", "predict", picture, "--model", model, "-o", folder / f"{out}.gpkg",
                     "--probability", folder / f"{out}.tif", *QUIET_GROUND, *more]  # fmt: skip
        told = folder / f"{title}.json"
        environment = {**os.environ, "NUMBA_CACHE_DIR": str(folder / "numba"), BEGIN: str(time.time())}
        command = [sys.executable, __file__, "--inside", told, *arguments]
        subprocess.run(
            [str(part) for part in command], env=environment, check=True, stdout=subprocess.DEVNULL
        )
        runs.append((title, json.loads(told.read_text())))
    stages = list(dict.fromkeys(stage for _, run in runs for stage in run))
    rows = [["stage, s (of processors)", *(title for title, _ in runs)]]
    rows += [
        [stage, *("{:.2f} ({:.2f})".format(*run.get(stage, (0.0, 0.0))) for _, run in runs)]
        for stage in stages
    ]
    totals = [[sum(part) for part in zip(*run.values(), strict=True)] for _, run in runs]
    rows.append(["whole command", *("{:.2f} ({:.2f})".format(*total) for total in totals)])
    measure.table(rows)
    print(f"\n{side:,} x {side:,} pixels; compilation is what cold takes longer than warm.")


def inside(arguments: list[str]) -> None:
    """The command in this process, with processor time by stage."""
    told, *rest = arguments
    from rogi import cli
    from rogi.cli import streams
    from rogi.cli.detect import predict

    stages: dict[str, tuple[float, float]] = {}

    class Both(streams.Stopwatch):
        """Notes processor time too."""

        def __init__(self) -> None:
            super().__init__()
            self._used = time.process_time()
            stages["start"] = time.time() - float(os.environ[BEGIN]), self._used

        def __call__(self, stage: str) -> None:
            super().__call__(stage)
            used = time.process_time()
            stages[stage] = self.seconds[stage], stages.get(stage, (0.0, 0.0))[1] + used - self._used
            self._used = used

    predict.Stopwatch = Both  # type: ignore[misc]
    sys.argv = ["rogi", *rest]
    try:
        cli.main()
    finally:
        Path(told).write_text(json.dumps(stages))


if __name__ == "__main__":
    main()
