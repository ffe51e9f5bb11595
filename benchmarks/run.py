"""Run benchmarks, write their tables into docs/benchmarks.md, and point out what is worse than there.

    python benchmarks/run.py                    all, in a short form
    python benchmarks/run.py --full             all, at full size (needs about an hour and 20 GB of disk)
    python benchmarks/run.py --full validate    these only; the tables of others stay as they are

Rows of rogi (bold) are held against those of the page by their ratio of processor time and their peak memory.
"""

from __future__ import annotations

import argparse
import datetime
import importlib.metadata
import os
import platform
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil

FOLDER = Path(__file__).parent
PAGE = FOLDER.parent / "docs" / "benchmarks.md"
NAMES = (
    "validate",
    "compare",
    "zonal",
    "attributes",
    "rasters",
    "solar_peers",
    "release",
    "update",
    "dask_cluster",
)
WORSE = 1.25
PACKAGES = ("rogi-toolkit", "numpy", "pandas", "geopandas", "shapely", "pyogrio", "rasterio", "numba", "dask")
PEERS = ("exactextract", "rasterstats", "geolint")

HEAD = """# Benchmarks

Every job of rogi beside a peer or a bare read that ran in the same minutes on the same machine. Ratios are
to the first row of each group; below 1 is faster. Processor time counts all processes and depends less than
wall time on what else a machine is doing. Peak memory is that of all processes of a command together. Why the
figures are as they are, and what limits them, is on the page [Performance](performance.md).

```console
$ make bench                             # a short form, some minutes
$ make bench FULL=1                      # as below
$ make bench FULL=1 BENCHMARKS=validate  # one job
```
"""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", default=NAMES, help=f"of {', '.join(NAMES)}; default: all")
    parser.add_argument("--full", action="store_true", help="at full size")
    parser.add_argument("--page", type=Path, default=PAGE, help="file to write; default docs/benchmarks.md")
    options = parser.parse_args()
    blocks = read_page(options.page)
    worse = []
    for name in options.names:
        print(f"== {name}", flush=True)
        form = ["--full"] if options.full else []
        done = subprocess.run(
            [sys.executable, FOLDER / f"{name}.py", *form], stdout=subprocess.PIPE, text=True
        )
        print(done.stdout, flush=True)
        if done.returncode:
            sys.exit(f"{name} ended with {done.returncode}; its tables stay as they were.")
        block = f"{provenance(options.full)}\n\n{done.stdout.strip()}\n"
        worse += compared(name, blocks.get(name, ""), block)
        blocks[name] = block
        write_page(options.page, blocks)
    print("\n".join(worse) or f"Nothing is worse by more than a quarter than in {options.page}.")


def provenance(full: bool) -> str:
    """When, where and with what."""
    model = platform.processor() or platform.machine()
    if (info := Path("/proc/cpuinfo")).exists():
        model = next((m[1] for m in [re.search(r"model name\s*:\s*(.*)", info.read_text())] if m), model)
    versions = [f"Python {platform.python_version()}"]
    for package in (*PACKAGES, *PEERS):
        try:
            versions.append(f"{package} {importlib.metadata.version(package)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    memory = psutil.virtual_memory().total / 2**30
    day = datetime.datetime.now(datetime.UTC).date()
    form = "full size" if full else "short form"
    return f"{day}, {form}; {os.cpu_count()} cores of {model}, {memory:.0f} GiB; {', '.join(versions)}."


def read_page(path: Path) -> dict[str, str]:
    """Name of a benchmark -> its part of the page."""
    if not path.exists():
        return {}
    parts = re.split(r"^% benchmark (\w+)\n", path.read_text("utf-8"), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def write_page(path: Path, blocks: dict[str, str]) -> None:
    """The page, in the order of `NAMES`."""
    known = [name for name in NAMES if name in blocks]
    path.write_text(
        HEAD + "".join(f"\n% benchmark {name}\n{blocks[name].strip()}\n" for name in known), "utf-8"
    )


def compared(name: str, before: str, now: str) -> list[str]:
    """A line for each figure of rogi that is worse by more than a quarter."""
    old, found = dict(figures(before)), []
    for key, value in figures(now):
        if old.get(key, value) * WORSE < value:
            title, what, units, column = key
            row = f"{what} ({units})" if units else what
            found.append(f"{name}, {title}, {row}: {column} {old[key]:g} -> {value:g}")
    return found


def figures(text: str) -> Iterator[tuple[tuple[str, str, str, str], float]]:
    """Section, row, units and column of each figure that is rogi's own."""
    title, header = "", []
    for line in text.splitlines():
        if line.startswith("## "):
            title, header = line[3:], []
        elif line.startswith("| "):
            cells = [cell.strip() for cell in line[2:].removesuffix("|").split(" | ")]
            header = header or cells
            if cells[0].startswith("**") and len(cells) == len(header):
                for column in ("processor ratio", "peak MiB"):
                    value = cells[header.index(column)].replace(",", "") if column in header else ""
                    if value:
                        yield (title, cells[0].strip("*"), cells[1], column), float(value)
        else:
            header = []


if __name__ == "__main__":
    main()
