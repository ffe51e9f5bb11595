"""`release.yaml`: identifiers with check digits, versions in order, messages that name the fault."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from rogi.errors import InputError, OptionError
from rogi.release.description import Version, find_release, read_release
from rogi.release.identifiers import orcid_is_sound, ror_is_sound
from rogi.release.statement import release_text


def content(**changes: object) -> dict[str, object]:
    made: dict[str, object] = {
        "format": 1,
        "inventory": "Demo",
        "version": "1.0",
        "date": "2026-01-31",
        "title": "A title",
        "description": "What it is.",
        "schema": "tprogi/1.0",
        "licence": {
            "id": "CC0-1.0",
            "title": "CC0",
            "url": "https://creativecommons.org/publicdomain/zero/1.0/",
        },
        "creators": [{"family_name": "Carberry", "given_name": "Josiah", "orcid": "0000-0002-1825-0097"}],
    }
    return {key: value for key, value in {**made, **changes}.items() if value is not None}


def written(folder: Path, **changes: object) -> Path:
    path = folder / "release.yaml"
    path.write_text(yaml.safe_dump(content(**changes)), encoding="utf-8")
    return path


def test_example_identifiers_of_the_registries_are_sound() -> None:
    """The examples of orcid.org (one with X) and of ror.org; one digit changed breaks each."""
    assert orcid_is_sound("0000-0002-1825-0097")
    assert orcid_is_sound("0000-0002-1694-233X")
    assert not orcid_is_sound("0000-0002-1825-0098")
    assert ror_is_sound("01ggx4157")
    assert ror_is_sound("05gq02987")
    assert not ror_is_sound("01ggx4158")


@given(st.integers(0, 15), st.integers(1, 9))
def test_any_one_changed_digit_of_an_orcid_is_seen(place: int, step: int) -> None:
    """MOD 11-2 finds every single wrong digit."""
    digits = list("0000000218250097")
    digits[place] = str((int(digits[place]) + step) % 10)
    text = "".join(digits)
    assert not orcid_is_sound("-".join(text[k : k + 4] for k in range(0, 16, 4)))


def test_versions_are_ordered_by_their_numbers() -> None:
    """1.10 is above 1.9, 1.1.0 is 1.1."""
    assert Version.parse("1.10") > Version.parse("1.9.3") > Version.parse("1.9")
    assert str(Version.parse("1.1.0")) == "1.1"
    for text in ("1", "1.a", "1.2.3.4", "", "1.-2", "1.²"):
        with pytest.raises(OptionError):
            Version.parse(text)


def test_a_release_read_again_is_the_same(releases) -> None:  # type: ignore[no-untyped-def]
    """What goes into the package says what release.yaml said."""
    for folder in releases.folders:
        release = read_release(folder)
        path = folder.parent / "again.yaml"
        path.write_text(release_text(release), encoding="utf-8")
        assert read_release(path) == release


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"creators": None}, "creators"),
        ({"creators": []}, "creators"),
        ({"licence": None}, "licence"),
        ({"creators": [{"family_name": "A", "orcid": "0000-0002-1825-0098"}]}, "check digit"),
        ({"creators": [{"family_name": "A", "orcid": "https://orcid.org/1"}]}, "orcid"),
        ({"version": "one"}, "version"),
        ({"date": "2026-02-30"}, "calendar"),
        ({"doi": "zenodo.123"}, "doi"),
        ({"colour": "red"}, "colour"),
        ({"period": {"start": "2026-01-02", "end": "2026-01-01"}}, "before it starts"),
        ({"retired": [{"id": "A", "reason": "x"}, {"id": "A", "reason": "y"}]}, "retired twice"),
        ({"retired_file": "none.csv"}, "none.csv"),
    ],
)
def test_a_faulty_release_is_refused_by_name(tmp_path: Path, changes: dict[str, object], words: str) -> None:
    """Each message names the file and the fault."""
    path = written(tmp_path, **changes)
    with pytest.raises(InputError, match=words) as caught:
        read_release(path)
    assert "release.yaml" in str(caught.value) or "none.csv" in str(caught.value)


def test_an_unknown_version_lists_the_known_ones(tmp_path: Path) -> None:
    """`rogi release build 9.9` says what there is."""
    (tmp_path / "1.0").mkdir()
    written(tmp_path / "1.0")
    with pytest.raises(InputError, match=r"no release 9\.9 .*there are 1\.0"):
        find_release("9.9", tmp_path)
    assert find_release("v1.0", tmp_path) == tmp_path / "1.0"


def test_the_release_of_tprogi_is_packaged() -> None:
    """`releases/1.0` is valid and has the published DOI."""
    release = read_release(find_release("1.0"))
    assert (release.inventory, release.version, release.doi) == ("TPRoGI", "1.0", "10.5281/zenodo.10732042")
    assert len(release.creators) == 10


def test_retired_ids_may_be_in_a_file(tmp_path: Path) -> None:
    """A CSV beside release.yaml, for many; several successors are separated by blanks."""
    (tmp_path / "gone.csv").write_text("id,reason,replaced_by\nA,split,B C\nD,merged,\n", encoding="utf-8")
    release = read_release(written(tmp_path, retired_file="gone.csv"))
    assert [(t.id, t.replaced_by) for t in release.retired] == [("A", ("B", "C")), ("D", ())]
    (tmp_path / "gone.csv").write_text("id,reason\nA,\n", encoding="utf-8")
    with pytest.raises(InputError, match="line 2"):
        read_release(tmp_path / "release.yaml")


@pytest.mark.parametrize(
    ("row", "said"), [("RGU1,,", "line 3: RGU1 has no reason"), (",gone,", "line 3: the row has no id")]
)
def test_a_row_of_retired_ids_says_what_it_lacks(tmp_path: Path, row: str, said: str) -> None:
    """A draft of tombstones has IDs without reasons; the first is named."""
    (tmp_path / "gone.csv").write_text(f"id,reason,replaced_by\nRGU0,a lake,\n{row}\n", encoding="utf-8")
    with pytest.raises(InputError, match=said):
        read_release(written(tmp_path, retired_file="gone.csv"))
