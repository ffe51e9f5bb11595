"""Find the command rogi, and call it: arguments, environment, progress, cancelling. Nothing here needs QGIS.

The plugin imports nothing of rogi: its libraries would meet those of QGIS in one process. It runs the command
as it is installed, in an environment without what QGIS sets for itself.
"""

from __future__ import annotations

import contextlib
import glob
import json
import os
import queue
import re
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Callable, Iterator, Mapping, NamedTuple, Sequence

DISTRIBUTION = "rogi-toolkit"
NEEDED = (0, 1)
"""The oldest version of rogi that has all that the plugin calls."""
VARIABLE = "ROGI_COMMAND"
PATIENCE = 15.0
"""Seconds in which a command that was cancelled may clean up."""

INSTALL = (
    f"Install it with `uv tool install '{DISTRIBUTION}[attributes]'` or "
    f"`pipx install '{DISTRIBUTION}[attributes]'` and try again. If it is installed, set its path in "
    "Settings > Options > Processing > Providers > rogi."
)
_MARK = "rock glacier"  # what help of ours says, and that of another command of this name does not
_OF_QGIS = (
    "PYTHONHOME", "PYTHONPATH", "PYTHONSTARTUP", "PYTHONEXECUTABLE", "PYTHONUTF8", "__PYVENV_LAUNCHER__",
    "GDAL_DATA", "GDAL_DRIVER_PATH", "GDAL_PLUGINS", "OGR_DRIVER_PATH", "PROJ_LIB", "PROJ_DATA", "GEOTIFF_CSV",
    "LD_PRELOAD", "DYLD_LIBRARY_PATH", "DYLD_FRAMEWORK_PATH", "QT_PLUGIN_PATH", "QGIS_PREFIX_PATH",
    "SSL_CERT_FILE", "SSL_CERT_DIR",
)  # fmt: skip
_NO_WINDOW = 0x08000000  # CREATE_NO_WINDOW
_STOPPED = (130, 143, -2, -9, -15)


class CommandError(Exception):
    """What is wrong, and what to do, in whole sentences."""


class Cancelled(Exception):
    """The user cancelled."""


class Done(NamedTuple):
    """How a command ended: exit code 0 or 1, and what it printed."""

    code: int
    output: str


# ---- finding


def find(configured: str = "", places: Iterator[Path] | None = None) -> Path:
    """The command rogi: the path that is set, else the first sound one of the usual places.

    Raises
    ------
    CommandError
        If there is none, only another program of this name, or only one that is too old.
    """
    if configured:
        path = Path(os.path.expandvars(configured)).expanduser()
        if path.is_dir():
            path = next((path / name for name in _names() if (path / name).is_file()), path)
        if not path.is_file():
            raise CommandError(f"The command rogi that is set, {configured}, does not exist. {INSTALL}")
        if (fault := fault_of(path)) is not None:
            raise CommandError(f"{fault} {INSTALL}")
        return path
    faults = []
    for path in usual_places() if places is None else places:
        if (fault := fault_of(path)) is None:
            return path
        faults.append(fault)
    raise CommandError(" ".join([*(faults[:1] or ["The command rogi was not found."]), INSTALL]))


def fault_of(path: Path) -> str | None:
    """Why a program is not the command rogi that the plugin needs; None if it is."""
    version, said = _ask(path, "--version"), _ask(path, "--help")
    match = re.match(r"rogi (\d+)\.(\d+)", version)
    if match is None or _MARK not in said:
        reason = f": {version}" if version.startswith("error:") else "."
        return (
            f"{path} is not the toolkit for rock glacier inventories{reason} Its package is {DISTRIBUTION}; "
            "the package `rogi` of the package index is another project."
        )
    if tuple(map(int, match.groups())) < NEEDED:
        needed = ".".join(map(str, NEEDED))
        return f"{path} is {version}; the plugin needs {needed} or newer: update {DISTRIBUTION}."
    return None


def _ask(path: Path, question: str) -> str:
    try:
        done = subprocess.run(
            [str(path), question],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=120,
            check=False,
            env=clean_environment(path),
            **_hidden(),
        )
    except (OSError, subprocess.SubprocessError) as error:
        return f"error: {error}"
    return done.stdout.decode("utf-8", "replace").strip()


def usual_places(
    environment: Mapping[str, str] | None = None, home: Path | None = None, platform: str = sys.platform
) -> Iterator[Path]:
    """Files that may be the command: of ROGI_COMMAND, on PATH, and where pip, pipx, uv and conda install.

    Programs with a window, on macOS above all, do not have the PATH of a terminal.
    """
    env = dict(os.environ if environment is None else environment)
    home = Path.home() if home is None else home
    windows = platform == "win32"
    scripts, ending = ("Scripts", ".exe") if windows else ("bin", "")
    name = f"rogi{ending}"
    seen = set()
    found = [env[VARIABLE]] if env.get(VARIABLE) else []
    on_path = shutil.which("rogi", path=env.get("PATH", ""))
    # On Windows the current folder counts as on PATH, and may be that of somebody else's project.
    found += [on_path] if on_path and Path(on_path).is_absolute() else []
    tool = f"{DISTRIBUTION}/{scripts}/{name}"
    patterns = [f".local/bin/{name}"]
    if windows:
        roaming = env.get("APPDATA", str(home / "AppData/Roaming"))
        local = env.get("LOCALAPPDATA", str(home / "AppData/Local"))
        patterns += [
            f"{roaming}/uv/tools/{tool}",
            f"{home}/pipx/venvs/{tool}",
            f"{local}/pipx/pipx/venvs/{tool}",
        ]
        patterns += [
            f"{roaming}/Python/Python3*/Scripts/{name}",
            f"{local}/Programs/Python/Python3*/Scripts/{name}",
        ]
    else:
        patterns += [
            f".local/share/uv/tools/{tool}",
            f".local/share/pipx/venvs/{tool}",
            f".local/pipx/venvs/{tool}",
        ]
        patterns += [f"Library/Python/3.*/bin/{name}", f"/opt/homebrew/bin/{name}", f"/usr/local/bin/{name}"]
        patterns += [f"Library/Application Support/pipx/venvs/{tool}"]
        patterns += [f"/Library/Frameworks/Python.framework/Versions/3.*/bin/{name}"]
    roots = [env.get("CONDA_PREFIX", ""), *_conda_roots(env, home, windows)]
    patterns += [f"{root}/{part}{scripts}/{name}" for root in roots if root for part in ("", "envs/*/")]
    for pattern in patterns:
        absolute = pattern if Path(pattern).is_absolute() else str(home / pattern)
        found += sorted(glob.glob(absolute), key=_by_number, reverse=True)
    for path in map(Path, found):
        real = os.path.realpath(path)
        if real not in seen and path.is_file():
            seen.add(real)
            yield path


def _conda_roots(env: Mapping[str, str], home: Path, windows: bool) -> list[str]:
    names = ("miniforge3", "mambaforge", "miniconda3", "anaconda3", ".conda", "micromamba")
    parents = [str(home), env.get("ProgramData", "C:/ProgramData") if windows else "/opt"]
    roots = [f"{parent}/{name}" for parent in parents for name in names]
    return [*roots, *([] if windows else ["/opt/conda"]), env.get("MAMBA_ROOT_PREFIX", "")]


def _by_number(text: str) -> list[int]:
    """So that Python 3.12 comes before 3.9."""
    return [int(n) for n in re.findall(r"\d+", text)]


def _names() -> tuple[str, ...]:
    return ("rogi.exe", "rogi") if os.name == "nt" else ("rogi",)


# ---- calling


def clean_environment(command: Path, environment: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of a command: that of QGIS without what is for QGIS's own Python, GDAL and PROJ."""
    env = dict(os.environ if environment is None else environment)
    for name in _OF_QGIS:
        env.pop(name, None)
    if "LD_LIBRARY_PATH" in env:  # AppImage and others keep what was there before
        before = env.pop("LD_LIBRARY_PATH_ORIG", "")
        env.pop("LD_LIBRARY_PATH")
        if before:
            env["LD_LIBRARY_PATH"] = before
    root = command.parent.parent
    if (root / "conda-meta").is_dir():  # its libraries are found on PATH, as after `conda activate`
        folders = [root, root / "Library" / "bin", root / "Scripts", root / "bin"]
        env["PATH"] = os.pathsep.join([*(str(f) for f in folders if f.is_dir()), env.get("PATH", "")])
        env["CONDA_PREFIX"] = str(root)
    env.update(PYTHONIOENCODING="utf-8", PYTHONUNBUFFERED="1")
    return env


def shown(arguments: Sequence[str]) -> str:
    """A command as a terminal takes it."""
    return " ".join(f'"{a}"' if " " in a else a for a in arguments) if os.name == "nt" else shlex.join(arguments)


def split(text: str) -> list[str]:
    """Options that the user typed; on Windows a backslash is part of a path."""
    if os.name != "nt":
        return shlex.split(text)
    return [part[1:-1] if part[:1] == part[-1:] == '"' else part for part in shlex.split(text, posix=False)]


_SUBDATASET = re.compile(r'^(?:NETCDF|HDF5|HDF4|ZARR):(?:"(?P<quoted>[^"]+)"|(?P<plain>.+?)):/*(?P<name>[^:]+)$')


def raster_file(source: str) -> tuple[str, str]:
    """The file of a raster of GDAL, and the variable where it is one of several.

    >>> raster_file('NETCDF:"/data/era5.nc":t2m')
    ('/data/era5.nc', 't2m')
    """
    match = _SUBDATASET.match(source)
    if match is None:
        return source.partition("|")[0], ""
    return match["quoted"] or match["plain"], match["name"]


def run(
    command: Path,
    arguments: Sequence[str],
    *,
    folder: Path | None = None,
    progress: Callable[[str, int, int], None] = lambda what, done, total: None,
    message: Callable[[str], None] = lambda line: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Done:
    """Run rogi to its end.

    Parameters
    ----------
    command, arguments
        What to run.
    folder
        Where it runs: the ``rogi.toml`` here or above counts.
    progress
        Called with what is done, the number of it and of how many (0: unknown).
    message
        Called with each other line of standard error.
    cancelled
        Asked ten times a second; if true the command is told to end and cleans up.

    Raises
    ------
    CommandError
        Exit code 2: with the sentence that rogi said.
    Cancelled
    """
    try:
        process = subprocess.Popen(
            [str(command), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=None if folder is None else str(folder),
            env={**clean_environment(command), "ROGI_PROGRESS": "json", "ROGI_STOP": "stdin"},
            **_hidden(group=True),
        )
    except OSError as error:
        raise CommandError(f"{command} cannot be run: {error.strerror or error}. {INSTALL}") from error
    lines: queue.Queue[str | None] = queue.Queue()
    output: list[bytes] = []
    readers = [
        threading.Thread(target=lambda: output.append(process.stdout.read()), daemon=True),
        threading.Thread(target=_read_lines, args=(process.stderr, lines), daemon=True),
    ]
    for reader in readers:
        reader.start()
    errors = []
    try:
        while True:
            if cancelled():
                raise Cancelled
            try:
                line = lines.get(timeout=0.1)
            except queue.Empty:
                continue
            if line is None:
                break
            if (step := parse_progress(line)) is not None:
                progress(*step)
            elif line:
                errors.append(line)
                message(line)
        code = process.wait()
    except BaseException:
        _stop(process)
        raise
    finally:
        for reader in readers:
            reader.join(PATIENCE)
        if not any(reader.is_alive() for reader in readers):  # else a child that lives on has the other end
            for stream in (process.stdin, process.stdout, process.stderr):
                stream.close()
    if code in (0, 1):
        return Done(code, b"".join(output).decode("utf-8", "replace"))
    if code in _STOPPED:
        raise CommandError("rogi was stopped by the system, maybe for want of memory; nothing was written.")
    said = [line for line in errors if line.lower().startswith("error:")] or errors[-1:]
    raise CommandError(
        "\n".join(line[6:].strip() if line[:6].lower() == "error:" else line for line in said)
        or f"rogi ended with exit code {code}."
    )


def parse_progress(line: str) -> tuple[str, int, int] | None:
    """What a line of ``ROGI_PROGRESS=json`` says; None for any other line."""
    if not line.startswith('{"progress"'):
        return None
    try:
        step = json.loads(line)
        return str(step["progress"]), int(step["done"]), int(step["total"])
    except (ValueError, KeyError, TypeError):
        return None


def _read_lines(stream, lines: queue.Queue[str | None]) -> None:
    for line in stream:
        lines.put(line.decode("utf-8", "replace").rstrip("\r\n"))
    lines.put(None)


def _hidden(group: bool = False) -> dict[str, object]:
    """Options of a process without a window, on request the first of a group that can be killed whole."""
    if os.name == "nt":
        return {"creationflags": _NO_WINDOW}
    return {"start_new_session": True} if group else {}


def _stop(process: subprocess.Popen) -> None:
    """Ask a command to end, by closing its standard input; kill it with its children if it does not."""
    with contextlib.suppress(OSError):
        process.stdin.close()
    end = time.monotonic() + PATIENCE
    while process.poll() is None and time.monotonic() < end:
        time.sleep(0.05)
    if process.poll() is None:
        if os.name == "nt":
            subprocess.run(["taskkill", "/T", "/F", "/PID", str(process.pid)], check=False, **_hidden())
        else:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
