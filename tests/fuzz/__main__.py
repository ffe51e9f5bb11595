"""Run the fuzzing: ``python -m tests.fuzz --seconds 600 --jobs 2``; exit code 1 if anything failed."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS"):
    os.environ[_name] = "1"  # before anything starts threads, which a fork does not carry over

from tests.fuzz import campaign  # noqa: E402


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=600.0, help="for all mutants together")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--failures", type=Path, default=Path("fuzz-failures"), help="what failed goes here")
    parser.add_argument("--mutants", type=int, default=10_000, help="of each target at most")
    parser.add_argument("--geometries", type=int, default=10_000)
    parser.add_argument("--kills", type=int, default=20, help="of each command")
    parser.add_argument("--short", action="store_true", help="a part that takes seconds")
    parser.add_argument("--only", action="append", default=[], help="names, or parts of them")
    given = vars(parser.parse_args())
    return campaign.run(campaign.Plan(**given | {"only": tuple(given["only"])}))


if __name__ == "__main__":
    sys.exit(main())
