"""The lineage as a file, and replayed: another way from the IDs of one version to those of the next."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from rogi.errors import InputError
from rogi.update.applying.lineage import COLUMNS, lineage_text, read_operations, replay
from rogi.update.vocabulary import Operation


def operation(unit: str, what: str, before: str, after: str, version: str = "1.1") -> Operation:
    who = ("seen", "anna", "", "2026-08-15", "", "")
    return Operation(version, unit, what, before, after, *who, 0.5, 0.25, "")


STEPS = (
    operation("A", "remain", "A", "A"),
    operation("B", "refine", "B", "B"),
    operation("C", "remove", "C", ""),
    operation("D", "split", "D", "D1 D2"),
    operation("E", "merge", "E F", "E"),
    operation("F", "merge", "F", "E"),
    operation("N", "retrieve", "", "N"),
)


def test_replay_by_hand() -> None:
    """Each operation once; a unit without one remains."""
    assert replay("ABCDEFZ", STEPS) == {"A", "B", "D1", "D2", "E", "N", "Z"}
    assert replay(("A", "B"), ()) == {"A", "B"}


def test_replay_refuses_what_cannot_be() -> None:
    """An operation on a unit that is not there, and a new unit that is there already."""
    with pytest.raises(InputError, match="follows C, which was not there"):
        replay("ABDEF", STEPS)
    with pytest.raises(InputError, match="makes N, which was there already"):
        replay("ABCDEFN", STEPS)
    with pytest.raises(InputError, match="makes D1"):
        replay("DG", (operation("D", "split", "D", "D1 D2"), operation("G", "split", "G", "D1 G2")))


def test_written_and_read(tmp_path: Path) -> None:
    """What is written is read; no area is not an area of 0; commas and quotes in reasons survive."""
    odd = replace(STEPS[2], reason='scree, "not" creeping\nat all', area_new_km2=None, area_old_km2=1 / 3)
    text = lineage_text((odd, *STEPS))
    (tmp_path / "lineage.csv").write_text(text, encoding="utf-8")
    back = read_operations(tmp_path / "lineage.csv")
    assert back[1:] == STEPS and back[0] == replace(odd, area_old_km2=0.3333333333)
    assert lineage_text(back) == text and text.splitlines()[0] == ",".join(COLUMNS)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id,reason\nA,b\n", "has not the columns"),
        (lineage_text((replace(STEPS[0], operation="delete"),)), "'delete' is no operation"),
        (lineage_text(STEPS[:1]).replace("0.5", "much"), "areas are numbers"),
        (lineage_text(STEPS[:1]) + "1.1,A,remain\n", "line 3"),
    ],
)
def test_files_that_are_no_lineage(tmp_path: Path, text: str, message: str) -> None:
    """Each fault is named, with its line."""
    (tmp_path / "x.csv").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=message):
        read_operations(tmp_path / "x.csv")
