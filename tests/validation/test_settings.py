"""Settings files: found where they should be, and refused with a hint where they are wrong."""

from __future__ import annotations

import pytest

from rogi.attributes.configuration import read_settings
from rogi.errors import InputError, OptionError
from rogi.rules.rule import Severity
from rogi.validation.settings import Profile, find_settings_file, load_settings, settings_from


def test_all_keys(tmp_path):
    path = tmp_path / "rogi.toml"
    path.write_text(
        """
profile = "strict"
select = ["GEO", "PID001"]
ignore = "ATT012"
fail_on = "never"
schema = "rgik/1.0"
[severity]
GEO008 = "warning"
[parameters]
"GEO014.minimum_area" = 0.02
GEO015.sliver = 3
[[waivers]]
rule = "GEO003"
id = "RGU1"
reason = "r"
author = "a"
expires = 2027-01-31
"""
    )
    settings = load_settings(path)
    assert settings.profile is Profile.STRICT
    assert settings.select == ("GEO", "PID001")
    assert settings.ignore == ("ATT012",)
    assert settings.fail_on is None
    assert settings.severity == {"GEO008": Severity.WARNING}
    assert settings.parameters == {"GEO014.minimum_area": 0.02, "GEO015.sliver": 3}
    assert settings.waivers[0].id == "RGU1"


def test_attributes_are_known(tmp_path):
    """One file for `rogi validate`, `rogi release build` and `rogi attributes`, also in a pyproject.toml."""
    path = tmp_path / "rogi.toml"
    path.write_text('profile = "strict"\n[attributes]\ndem = "tiles"\n')
    assert load_settings(path).attributes == path
    assert read_settings(path).dem == (str(tmp_path / "tiles"),)
    project = tmp_path / "pyproject.toml"
    project.write_text('[tool.rogi]\nprofile = "strict"\n[tool.rogi.attributes]\nbuffer = 20.0\n')
    assert load_settings(project).profile is Profile.STRICT
    assert load_settings(project).attributes == project
    assert read_settings(project).buffer == 20.0
    assert load_settings(_written(tmp_path / "plain.toml", "")).attributes is None
    with pytest.raises(OptionError, match="'attributes' is a table"):
        load_settings(_written(tmp_path / "odd.toml", "attributes = 3\n"))


def _written(path, text):
    path.write_text(text)
    return path


def test_a_project_whose_tool_is_no_table_has_no_settings(tmp_path):
    (tmp_path / ".git").mkdir()
    for text in ("tool = 3", "[tool]\nrogi = 3"):
        (tmp_path / "pyproject.toml").write_text(text)
        assert find_settings_file(tmp_path) is None


def test_waivers_in_a_file_of_their_own(tmp_path):
    (tmp_path / "w.toml").write_text('[[waivers]]\nfingerprint = "00"\nreason = "r"\nauthor = "a"\n')
    (tmp_path / "rogi.toml").write_text('waiver_file = "w.toml"\n')
    assert load_settings(tmp_path / "rogi.toml").waivers[0].fingerprint == "00"


def test_nearest_file_wins_and_the_search_ends_at_the_repository(tmp_path):
    repository = tmp_path / "repository"
    deep = repository / "a" / "b"
    deep.mkdir(parents=True)
    (tmp_path / "rogi.toml").write_text("")
    assert find_settings_file(deep) == tmp_path / "rogi.toml"
    (repository / ".git").mkdir()
    assert find_settings_file(deep) is None
    (repository / "pyproject.toml").write_text("[tool.rogi]\nprofile = 'lenient'\n")
    assert find_settings_file(deep) == repository / "pyproject.toml"
    assert load_settings(repository / "pyproject.toml").profile is Profile.LENIENT
    (repository / "a" / "rogi.toml").write_text("")
    assert find_settings_file(deep) == repository / "a" / "rogi.toml"


def test_a_pyproject_without_rogi_is_passed_over(tmp_path):
    (tmp_path / ".git").mkdir()
    (tmp_path / "pyproject.toml").write_text("[tool.other]\n")
    assert find_settings_file(tmp_path) is None


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"profil": "strict"}, "did you mean profile"),
        ({"fail-on": "error"}, "no setting 'fail-on'; did you mean fail_on"),
        ({"waiver-file": "a"}, "no setting 'waiver-file'; did you mean waiver_file"),
        ({"profile": "harsh"}, "lenient, normal, strict"),
        ({"select": 3}, "a list of text"),
        ({"severity": {"GEO008": "loud"}}, "error, warning, info"),
        ({"severity": "error"}, "a table"),
        ({"parameters": 3}, "a table"),
        ({"schema": 3}, "is text"),
        ({"waivers": {}}, "a list of tables"),
        ({"today": "2026-01-01"}, r"there is no setting 'today'\. Known: attributes, baseline"),
    ],
)
def test_wrong_settings_are_refused_with_what_is_allowed(table, message):
    with pytest.raises(OptionError, match=message):
        settings_from(table)


@pytest.mark.parametrize("content", [b"profile = ", b"\xff\xfe", b"a = 1\na = 2\n"])
def test_files_that_are_not_toml(tmp_path, content):
    path = tmp_path / "rogi.toml"
    path.write_bytes(content)
    with pytest.raises(InputError, match="not valid TOML"):
        load_settings(path)


def test_a_missing_file(tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        load_settings(tmp_path / "rogi.toml")
