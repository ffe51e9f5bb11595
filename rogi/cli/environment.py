"""What is installed beside rogi and whether it works; nothing of it asks a network.

Each part is imported as a command would import it, so that a damaged library is found here and not in the
middle of a job.
"""

from __future__ import annotations

import importlib
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Any, Final

from packaging.requirements import Requirement

import rogi_toolkit
from rogi import __version__
from rogi.distribution import DISTRIBUTION, EXTRAS, install
from rogi.errors import RogiError
from rogi.report.document import Check, Document, Passage
from rogi.report.tables import ReportTable
from rogi.targets import CACHE_VARIABLE, cache_folder

MODULES: Final = {"pyyaml": "yaml", "markdown-it-py": "markdown_it", "netcdf4": "netCDF4", "pillow": "PIL"}
"""Distribution -> module, where the names differ by more than ``-`` and ``_``."""

NEEDED_FORMATS: Final = ("GPKG", "ESRI Shapefile", "GeoJSON", "FlatGeobuf")
OPTIONAL_FORMATS: Final = {
    "KML": ("LIBKML", "KML"),
    "XLSX": ("XLSX",),
    "ODS": ("ODS",),
    "File Geodatabase": ("OpenFileGDB",),
}
"""Format -> GDAL's drivers, any of which reads it."""
RASTER_FORMATS: Final = ("GTiff", "COG", "VRT", "netCDF")


def document() -> Document:
    """All that is known of the installation, as a report."""
    needed = list(_needed())
    extras = list(_extras())
    checks = [_own_name(), _libraries(needed), _projections(), _formats(), *_folders(), _settings()]
    missing = [name for name, absent, _ in extras if absent]
    broken = [check.name for check in checks if check.holds is False]
    state = f"is broken: {', '.join(broken)}" if broken else "works"
    parts = _parts(missing)
    versions, gpu, caches = _versions(needed), list(_gpu()), list(_caches())
    return Document(
        title="rogi doctor",
        headline=f"rogi {__version__} {state}; {parts}",
        parts=(
            ReportTable("Versions", "", ("what", "version", "where"), tuple(versions)),
            ReportTable(
                "Optional parts",
                "",
                ("extra", "state", "to get it"),
                tuple(
                    (
                        name,
                        f"missing: {', '.join(absent)}" if absent else "installed",
                        install(name) if absent else "",
                    )
                    for name, absent, _ in extras
                ),
            ),
            Passage("GPU and inference", tuple(gpu), listed=True),
            ReportTable("Caches", "", ("what", "size", "folder"), tuple(caches)),
        ),
        checks=checks,
        data=lambda: {
            "rogi": __version__,
            "works": not broken,
            "versions": [{"name": n, "version": v, "where": w} for n, v, w in versions],
            "extras": [
                {
                    "name": n,
                    "installed": not absent,
                    "missing": absent,
                    "versions": found,
                    "install": install(n),
                }
                for n, absent, found in extras
            ],
            "gpu": gpu,
            "caches": [{"name": n, "size": s, "folder": f} for n, s, f in caches],
            "checks": [
                {"name": c.name, "holds": c.holds, "said": c.said, "faults": list(c.faults)} for c in checks
            ],
        },
    )


def _parts(missing: list[str]) -> str:
    if not missing:
        return "all optional parts are installed"
    return f"optional parts not installed: {', '.join(missing)}"


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def _module(distribution: str) -> str:
    return MODULES.get(distribution.lower(), distribution.replace("-", "_"))


def imported(module: str) -> tuple[Any, str]:
    """A module, or None and why it cannot be imported."""
    try:
        return importlib.import_module(module), ""
    except ImportError as error:
        return None, str(error)
    except Exception as error:  # noqa: BLE001 - a damaged library may raise anything
        return None, f"{type(error).__name__}: {error}"


def _needed() -> Iterator[tuple[str, str, str]]:
    """What rogi needs in every command: name, version, and what is wrong with it."""
    for line in requires(DISTRIBUTION) or ():
        requirement = Requirement(line)
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
            continue
        found = _version(requirement.name)
        if not found:
            yield requirement.name, "", "is not installed"
        elif not requirement.specifier.contains(found, prereleases=True):
            yield requirement.name, found, f"{found} is not {requirement.specifier}"
        else:
            why = imported(_module(requirement.name))[1]
            yield requirement.name, found, f"cannot be imported: {why}" if why else ""


def _extras() -> Iterator[tuple[str, list[str], dict[str, str]]]:
    """Extra, what is missing of it, and the versions of what is there."""
    for extra, modules in EXTRAS.items():
        absent = [name for module, name in modules.items() if importlib.util.find_spec(module) is None]
        found = {name: _version_of(module) for module, name in modules.items() if name not in absent}
        yield extra, list(dict.fromkeys(absent)), found


def _version_of(module: str) -> str:
    return _version({"PIL": "pillow"}.get(module, module.replace("_", "-")))


def _versions(needed: list[tuple[str, str, str]]) -> list[tuple[str, str, str]]:
    shapely, pyproj, pyogrio, rasterio = (
        imported(n)[0] for n in ("shapely", "pyproj", "pyogrio", "rasterio")
    )
    rows = [
        ("rogi", __version__, str(Path(rogi_toolkit.__file__).parent)),
        ("Python", platform.python_version(), sys.executable),
        (
            "system",
            f"{platform.system()} {platform.release()} {platform.machine()}",
            f"{os.cpu_count()} cores",
        ),
    ]
    if pyogrio is not None:
        rows.append(("GDAL of pyogrio", pyogrio.__gdal_version_string__, "vector files"))
    if rasterio is not None:
        rows.append(("GDAL of rasterio", rasterio.__gdal_version__, "rasters"))
    if pyproj is not None:
        rows.append(("PROJ", pyproj.proj_version_str, pyproj.datadir.get_data_dir()))
    if shapely is not None:
        rows.append(("GEOS", shapely.geos_version_string, "geometries"))
    return [*rows, *((name, found, "") for name, found, _ in needed)]


def _own_name() -> Check:
    """Whether another distribution took the name of the package."""
    said = rogi_toolkit.taken() or rogi_toolkit.mixed()
    name = "name of the package"
    installed = _version(DISTRIBUTION)
    if said is None and installed not in ("", __version__):
        said = f"{DISTRIBUTION} {installed} is installed, but rogi {__version__} runs; reinstall it"
    return Check(name, said is None, said or f"`import rogi` is {DISTRIBUTION}")


def _libraries(needed: list[tuple[str, str, str]]) -> Check:
    faults = tuple(f"{name} {fault}" for name, _, fault in needed if fault)
    said = f"run `{install()} --upgrade`" if faults else f"{len(needed)} libraries can be imported"
    return Check("libraries", not faults, said, faults)


def _projections() -> Check:
    name = "PROJ database"
    pyproj, why = imported("pyproj")
    if pyproj is None:
        return Check(name, False, f"pyproj cannot be imported: {why}")
    try:
        x, y = pyproj.Transformer.from_crs(4326, 32645, always_xy=True).transform(87.0, 30.0)
        if abs(x - 500_000) < 1 and 3.31e6 < y < 3.33e6:  # 87 degrees is the central meridian of zone 45
            return Check(name, True, "coordinates are transformed")
        said = f"87 E 30 N becomes {x:.0f} {y:.0f} in EPSG:32645, expected 500000 3318785"
    except Exception as error:  # noqa: BLE001 - what PROJ says when its database is not found
        said = f"{error}"
    variables = [f"{v}={os.environ[v]}" for v in ("PROJ_DATA", "PROJ_LIB") if v in os.environ]
    hint = f"; unset {' and '.join(variables)}" if variables else ""
    return Check(name, False, f"{said}{hint}")


def _formats() -> Check:
    name = "file formats"
    pyogrio, why = imported("pyogrio")
    if pyogrio is None:
        return Check(name, False, f"pyogrio cannot be imported: {why}")
    drivers = pyogrio.list_drivers()
    absent = [f"GDAL of pyogrio has no driver {driver}" for driver in NEEDED_FORMATS if driver not in drivers]
    optional = [n for n, any_of in OPTIONAL_FORMATS.items() if not any(d in drivers for d in any_of)]
    rasterio = imported("rasterio")[0]
    if rasterio is not None:
        with rasterio.Env() as env:
            optional += [d for d in RASTER_FORMATS if d not in env.drivers()]
    said = "all that rogi needs" if not absent else "reinstall pyogrio"
    return Check(
        name, not absent, said + (f"; not read: {', '.join(optional)}" if optional else ""), tuple(absent)
    )


def _folders() -> Iterator[Check]:
    for name, folder in (("temporary folder", Path(tempfile.gettempdir())), ("cache folder", cache_folder())):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=folder) as trial:
                trial.write(b"rogi")
                trial.flush()
            free = shutil.disk_usage(folder).free
            yield Check(name, True, f"{folder}, {_size(free)} free")
        except OSError as error:
            variable = "TMPDIR" if name.startswith("temp") else CACHE_VARIABLE
            yield Check(name, False, f"{folder}: {error.strerror or error}; set {variable} to another folder")


def _settings() -> Check:
    name = "settings"
    settings, why = imported("rogi.validation.settings")
    if settings is None:
        return Check(name, False, f"cannot be read: {why}")
    found = settings.find_settings_file(Path.cwd())
    if found is None:
        return Check(name, True, "no rogi.toml here or above")
    try:
        settings.load_settings(found)
    except RogiError as error:
        return Check(name, False, str(error))
    return Check(name, True, str(found))


def _gpu() -> Iterator[str]:
    """What can compute: devices of PyTorch, ONNX Runtime and OpenVINO."""
    devices: dict[str, Callable[[Any], str]] = {
        "torch": _torch_devices,
        "onnxruntime": lambda m: ", ".join(m.get_available_providers()),
        "openvino": lambda m: ", ".join(m.Core().available_devices) or "no device",
    }
    titles = {"torch": "PyTorch", "onnxruntime": "ONNX Runtime", "openvino": "OpenVINO"}
    for name, ask in devices.items():
        if importlib.util.find_spec(name) is None:
            yield f"{titles[name]}: not installed"
            continue
        module, why = imported(name)
        try:
            yield f"{titles[name]} {_version(name)}: {why or ask(module)}"
        except Exception as error:  # noqa: BLE001 - of drivers
            yield f"{titles[name]} {_version(name)}: {type(error).__name__}: {error}"


def _torch_devices(torch: Any) -> str:
    if torch.cuda.is_available():
        names = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
        return f"CUDA {torch.version.cuda}, {', '.join(names)}"
    if getattr(torch.backends, "mps", None) is not None and torch.backends.mps.is_available():
        return "CPU, Apple GPU (mps)"
    built = f"built for CUDA {torch.version.cuda}, but no GPU is found" if torch.version.cuda else "CPU build"
    return f"CPU, {torch.get_num_threads()} threads ({built})"


def _caches() -> Iterator[tuple[str, str, str]]:
    yield "fetched releases, models, and what was written", _used(cache_folder()), str(cache_folder())
    compiled = os.environ.get("NUMBA_CACHE_DIR")
    own = Path(rogi_toolkit.__file__).parent / "rogi"
    count = partial(_used, suffixes=(".nbi", ".nbc"))
    yield (
        "compiled functions (numba)",
        count(Path(compiled) if compiled else own),
        compiled or f"{own}/**/__pycache__",
    )


def _used(folder: Path, suffixes: tuple[str, ...] = ()) -> str:
    total = 0
    for path in folder.rglob("*"):
        try:
            if path.is_file() and (not suffixes or path.suffix in suffixes):
                total += path.stat().st_size
        except OSError:  # gone meanwhile, or not ours to see
            continue
    return _size(total)


def _size(count: float) -> str:
    """Bytes as people read them."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000 or unit == "GB":
            break
        count /= 1000
    return f"{count:,.0f} {unit}" if unit in ("B", "kB") else f"{count:,.1f} {unit}"
