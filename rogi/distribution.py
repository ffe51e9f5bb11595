"""The name rogi is installed by: on the package index, ``rogi`` is another project."""

from __future__ import annotations

from rogi.errors import MissingExtra

DISTRIBUTION = "rogi-toolkit"


def install(extra: str = "") -> str:
    """The command that installs rogi, with an extra or without.

    Parameters
    ----------
    extra : str, optional
        ``cluster``, ``detect``, ``maps``, ``store`` or ``train``.

    Returns
    -------
    str

    Examples
    --------
    >>> install()
    'pip install rogi-toolkit'
    >>> install("detect")
    "pip install 'rogi-toolkit[detect]'"
    """
    return f"pip install '{DISTRIBUTION}[{extra}]'" if extra else f"pip install {DISTRIBUTION}"


def missing(what: str, extra: str, otherwise: str = "") -> MissingExtra:
    """The error to raise where an optional dependency is not installed; names the extra that brings it.

    Examples
    --------
    >>> str(missing("Training needs PyTorch", "train", "or leave --device out"))
    "Training needs PyTorch: pip install 'rogi-toolkit[train]', or leave --device out."
    """
    return MissingExtra(f"{what}: {install(extra)}{f', {otherwise}' if otherwise else ''}.")
