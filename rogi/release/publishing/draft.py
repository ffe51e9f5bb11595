"""What is known of the draft of a package, kept beside it: so that publishing can be interrupted anywhere."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

from rogi.errors import InputError
from rogi.files import locked, write_text

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Draft:
    """A draft with everything in it, or the record it became."""

    record: str
    doi: str
    address: str
    published: bool


@dataclass(frozen=True, slots=True)
class State:
    """What is known of the draft of a package, kept beside it.

    Attributes
    ----------
    server
        Address of the repository.
    record
        Number of the draft or record; empty while one is being made.
    since
        When making it began, UTC.
    parent
        Record that the draft is a new version of; empty for a new record.
    metadata
        SHA-256 of the metadata sent last.
    """

    server: str
    record: str = ""
    since: str = ""
    parent: str = ""
    metadata: str = ""
    published: bool = False


def state_path(folder: Path) -> Path:
    """Where the state of the draft of a package is kept: beside it."""
    return folder.with_name(f"{folder.name}.draft.json")


def read_state(folder: Path, server: str) -> State:
    """The state of the draft of a package at a repository; a new one where nothing is known.

    Raises
    ------
    InputError
        If the file is damaged, or of another repository.
    """
    path = state_path(folder)
    if not path.is_file():
        return State(server)
    try:
        state = State(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError, RecursionError):
        raise InputError(
            f"{path} is damaged; remove it: the draft is found again by its description."
        ) from None
    if state.server != server:
        raise InputError(
            f"{folder} was prepared for {state.server} and contains a DOI reserved there; build it again in "
            "another folder "
            f"to publish it at {server}."
        )
    return state


def write_state(folder: Path, state: State) -> None:
    """Keep what is known of a draft."""
    write_text(state_path(folder), json.dumps(asdict(state), indent=1) + "\n", state=True)


def alone(step: Callable[Concatenate[Path, P], T]) -> Callable[Concatenate[Path, P], T]:
    """Let a step of a publication, whose first argument is the package, run once at a time."""

    @functools.wraps(step)
    def run(folder: Path, /, *arguments: P.args, **options: P.kwargs) -> T:
        busy = f"Another run is publishing {folder} at this moment; wait until it is done."
        with locked(folder.with_name(f"{folder.name}.lock"), busy):
            return step(folder, *arguments, **options)

    return run
