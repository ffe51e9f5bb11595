"""Answers of a repository that is disturbed, or is none: one sentence, whatever it says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rogi.errors import RogiError
from rogi.release.publishing.answers import CACHED, FILES, HITS, PUBLISHED, RECORD, fault
from rogi.release.publishing.fetch import fetch
from rogi.release.publishing.repository import Answer, Repository, RepositoryError

KEYS = ("id", "metadata", "entries", "key", "size", "checksum", "hits", "total", "pids", "doi", "errors")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=3),
    max_leaves=8,
)
WRONG: list[Any] = [
    None, [], "no", 3, {}, {"id": None}, {"id": 1, "metadata": []}, {"id": 1, "pids": {"doi": 3}},
    {"id": 1, "errors": [{"field": 1}]}, {"entries": 3}, {"entries": [3]}, {"entries": [{"size": 3}]},
    {"entries": [{"key": "a", "size": "large"}]}, {"entries": [{"key": "a", "size": -1}]}, {"hits": []},
    {"hits": {"hits": [{}], "total": 1}}, {"hits": {"hits": [], "total": {}}},
]  # fmt: skip


def repository(*answers: Any, status: int = 200) -> Repository:
    """One that gives these answers in turn, the last one ever after."""
    left = list(answers)

    def transport(*_: Any) -> Answer:
        return Answer(status, {}, left.pop(0) if len(left) > 1 else left[0])

    return Repository("https://example.org", transport, sleep=lambda _: None)


@pytest.mark.parametrize("wrong", WRONG, ids=repr)
def test_wrong_answers_are_said(wrong: Any, tmp_path: Path) -> None:
    ways = (
        lambda r: r.record("1"), lambda r: r.draft("1"), lambda r: r.own(), lambda r: r.record_files("1"),
        lambda r: r.draft_files("1"), lambda r: r.update_draft("1", {}), lambda r: r.commit_file("1", "a"),
    )  # fmt: skip
    said = 0
    for way in ways:
        try:
            way(repository(wrong))
        except RepositoryError as error:
            said += 1
            assert "not of InvenioRDM" in str(error)
    assert said > 0
    with pytest.raises(RogiError):
        fetch("10.5281/zenodo.1", repository({"id": 1, "metadata": {}}, wrong), cache=tmp_path)


@given(JSON, JSON, st.sampled_from([200, 201, 400, 403, 500]))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
def test_no_answer_breaks_a_fetch(tmp_path: Path, first: Any, second: Any, status: int) -> None:
    with pytest.raises(RogiError):
        fetch(
            "10.5281/zenodo.1",
            repository(first, second, status=status),
            cache=tmp_path / "none",
            offline=False,
        )


def test_what_is_wrong_is_named() -> None:
    assert fault({"id": "1", "metadata": {"title": "x"}}, PUBLISHED) is None
    assert fault({"id": "1"}, PUBLISHED) == "it has no metadata"
    assert fault({"entries": [{"key": "a", "size": -1}]}, FILES) == "entries.0.size is out of range"
    assert fault({"entries": [{"key": "a", "size": 0, "checksum": None}]}, FILES) is None
    assert fault({"hits": {"hits": [{"id": 1}], "total": {"value": 1}}}, HITS) is None
    assert fault({"hits": {"hits": [{"id": 1}], "total": "1"}}, HITS) == "hits.total is no integer"
    assert fault({"id": True}, RECORD) == "id is no string"
    known = {"record": "1", "doi": "", "title": "", "version": "", "files": []}
    assert fault(known, CACHED) is None
    assert (
        fault(known | {"files": [{"key": "a", "checksum": None, "size": 1}]}, CACHED)
        == "files.0.checksum is no string"
    )
