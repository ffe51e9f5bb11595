"""Addresses and folders of stores by the commands: what is refused, in which words, and without passwords."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pytest
from packages import write_inputs
from postgres import PASSWORD, Database, Server

psycopg = pytest.importorskip("psycopg", reason="no psycopg here: pip install 'rogi-toolkit[store]'")
pytestmark = pytest.mark.xdist_group("postgres")
Run = Callable[..., tuple[int, str]]

SECRETS = ["pla1n-secret", "at@se/cr:et", "hash#se?cret", "per%zzsecret", "spa ce'secret"]


def leaks(secret: str, told: str) -> list[str]:
    """Pieces of a password that were told."""
    pieces = [p for sign in "@/:#?' " for p in (secret.partition(sign)[2], secret.rpartition(sign)[2])]
    return [piece for piece in {secret, *pieces} if len(piece) > 2 and piece in told]


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("encoded", [False, True])
def test_an_address_in_another_place(tmp_path: Path, run: Run, secret: str, encoded: bool) -> None:
    """Wherever it is given, it is said where it belongs, and the password is not repeated."""
    written = quote(secret, safe="") if encoded else secret
    address = f"postgresql://anna:{written}@127.0.0.1:1/rogi"
    settings = "host=h password='" + secret.replace("'", "\\'") + "' user=anna"
    here = str(tmp_path / "work")
    plan = ["plan", "--inventory", "v.gpkg", "--candidates", "c.gpkg", "-o", here]
    wrong: list[list[str]] = [
        ["plan", "--inventory", address, "--candidates", "c.gpkg", "-o", here],
        ["plan", "--inventory", "v.gpkg", "--candidates", address, "-o", here],
        ["plan", "--inventory", "v.gpkg", "--candidates", "c.gpkg", "-o", address],
        [*plan, "--layer", f"outline={address}"],
        [*plan, "--mappers", address],
        [*plan, "--sliver", address],
        ["status", address],
        ["status", here, "--plan", address],
        ["apply", address, "--inventory", "v.gpkg", "-o", here],
        ["history", address, "--store", "postgresql://127.0.0.1:1/rogi"],
    ]
    for arguments in wrong:
        code, told = run(*arguments)
        assert code == 2
        assert not leaks(secret, told) and not leaks(written, told), told
        if "--sliver" not in arguments:
            assert "--store" in told
            assert "anna:***@127.0.0.1" in told
    refused: list[list[str]] = [
        [*plan, "--store", address],
        [*plan, "--store", settings],
        ["status", "--store", settings],
        ["status", settings],
        ["plan", "--inventory", settings, "--candidates", settings, "-o", here],
        [*plan, f"--stoer={address}"],
        [*plan, address],
        ["no-such-command", address],
    ]
    for arguments in refused:
        code, told = run(*arguments)
        assert code == 2
        assert told.strip()
        assert not leaks(secret, told) and not leaks(written, told), told
    assert not (tmp_path / "work").exists()


def test_a_password_with_every_sign(server: Server, database: Database, tmp_path: Path, run: Run) -> None:
    """Encoded as it should be, it opens the store, and is in no output."""
    from psycopg import sql

    secret = "a@b/c:d#e?f%g&h=i 'j\"k\\l+m"
    server.role("signs")
    with database.connect() as owner:
        owner.execute(sql.SQL("ALTER ROLE signs PASSWORD {}").format(sql.Literal(secret)))
        owner.execute(sql.SQL("GRANT CREATE ON DATABASE {} TO signs").format(sql.Identifier(database.name)))
    inputs = write_inputs(tmp_path)
    work = tmp_path / "work"
    store = database.url("signs", password=quote(secret, safe=""))
    code, told = run(
        "plan", "--inventory", inputs.inventory, "--candidates", inputs.candidates, "--store", store,
        "-o", work,
    )  # fmt: skip
    assert code == 0, told
    assert run("status", "--store", store)[0] == 1
    for text in (told, *(p.read_text(errors="replace") for p in work.iterdir())):
        assert secret not in text
        assert quote(secret, safe="") not in text


def test_the_folder_of_a_store(database: Database, tmp_path: Path, run: Run) -> None:
    """A plan into it needs the store too; then both are replaced, and both stay when one has work."""
    inputs = write_inputs(tmp_path)
    work = tmp_path / "work"
    plan = ["plan", "--inventory", inputs.inventory, "--candidates", inputs.candidates, "-o", work]
    assert run(*plan, "--store", database.url())[0] == 0
    before = {p.name: p.read_bytes() for p in work.iterdir()}
    code, told = run(*plan)
    assert code == 2
    assert "is the folder of a team store (store.qgs)" in told
    assert {p.name: p.read_bytes() for p in work.iterdir()} == before
    assert run(*plan, "--store", database.url())[0] == 0
    code, told = run("status", work, "--store", database.url())
    assert code == 2
    assert "not from both" in told
    with database.connect() as owner:
        owner.execute(
            "UPDATE rogi_update.tasks SET comment = 'seen'"
            " WHERE fid = (SELECT min(fid) FROM rogi_update.tasks)"
        )
    before = {p.name: p.read_bytes() for p in work.iterdir()}
    code, told = run(*plan, "--store", database.url())
    assert code == 2
    assert "work of mappers" in told
    assert PASSWORD not in told
    assert {p.name: p.read_bytes() for p in work.iterdir()} == before


def test_a_package_with_work_leaves_the_store(
    database: Database, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mapper who begins in a package while the plan goes into the store leaves both as they were."""
    from rogi.errors import OutputError
    from rogi.update import work_folder

    inputs = write_inputs(tmp_path)
    work = tmp_path / "work"
    plan = ["plan", "--inventory", inputs.inventory, "--candidates", inputs.candidates, "-o", work]
    assert run(*plan, "--store", database.url())[0] == 0
    first = "SELECT min(fid) FROM rogi_update.tasks"
    with database.connect() as owner:
        before = owner.execute(first).fetchone()
        looks: list[Path] = []

        def check(folder: Path, store: str | None = None) -> None:
            looks.append(folder)
            if len(looks) == 2:  # of write_plan, and when all is in the database
                raise OutputError("a mapper has begun.")

        monkeypatch.setattr(work_folder, "check_folder", check)
        code, told = run(*plan, "--store", database.url(), "--mappers", "anna,ben")
        assert (code, "a mapper has begun" in told) == (2, True)
        assert owner.execute(first).fetchone() == before
    assert len(looks) == 2
    assert not (work / "anna.gpkg").exists()


def test_what_the_page_says(server: Server, database: Database, tmp_path: Path, run: Run) -> None:
    """store.md has the roles of each package, of all, and what could not be kept."""
    for name in ("anna", "rita"):
        server.role(name)
    inputs = write_inputs(tmp_path)
    work = tmp_path / "work"
    plan = ["plan", "--inventory", inputs.inventory, "--candidates", inputs.candidates, "-o", work,
            "--store", database.url()]  # fmt: skip
    assert run(*plan, "--mappers", "anna,zoe")[0] == 0
    page = (work / "store.md").read_text()
    assert "| anna | anna | anna.store.qgs | anna (edits) |" in page
    assert "| zoe | zoe | zoe.store.qgs | none yet |" in page
    assert "SELECT rogi_update.assign('zoe', 'role');" in page
    with database.connect() as owner:
        owner.execute("SELECT rogi_update.assign(NULL, 'rita', 'review')")
        owner.execute("SELECT rogi_update.assign('zoe', 'rita')")
    assert run(*plan, "--mappers", "anna,ben")[0] == 0
    page = (work / "store.md").read_text()
    assert "In all packages: rita (reviews)." in page
    assert "no longer possible: rita (edits) in zoe." in page


@pytest.mark.parametrize("debug", ["", "1"])
def test_faults_tell_no_password(run: Run, monkeypatch: pytest.MonkeyPatch, debug: str) -> None:
    """What an unexpected error repeats of the arguments is masked, in its traceback too."""

    def broken(*_: object, store: str, **__: object) -> None:
        raise RuntimeError(f"could not use {store}, top-secret")

    monkeypatch.setattr("rogi.cli.update.status.read_edits", broken)
    monkeypatch.setenv("ROGI_DEBUG", debug)
    code, told = run("status", "--store", "postgresql://anna:top-secret@h/d")
    assert code == 2
    assert "could not use postgresql://anna:***@h/d, ***" in told
    assert ("Traceback (most recent call last):" in told) == bool(debug)
    assert "secret" not in told
