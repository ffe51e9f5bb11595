"""The command line at its ends: closed, full and narrow streams, signals, start-up."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import rogi.cli
from rogi.cli.streams import Ended, confirmed, ends_cleanly, escaped
from rogi.errors import OptionError

ROOT = Path(__file__).parents[2]
START = "from rogi.cli import main; main()"


def shell(line, **environment):
    """A line of bash in which $ROGI is the command."""
    env = os.environ | {"ROGI": f"{sys.executable} -c '{START}'", "PYTHONPATH": str(ROOT)} | environment
    return subprocess.run(
        ["bash", "-c", line.replace("$ROGI", f"{sys.executable} -c '{START}'")],
        capture_output=True, text=True, env=env, check=False,
    )  # fmt: skip


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="/dev/full is of Linux")
def test_a_full_disk_behind_standard_output_is_one_sentence():
    done = shell("$ROGI rules > /dev/full")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
    assert "No space left" in done.stderr


def test_a_closed_standard_output_is_one_sentence():
    done = shell("$ROGI rules >&-")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
    assert "standard output is closed" in done.stderr
    assert shell("$ROGI rules 2>&-").returncode == 0


@pytest.mark.parametrize("given", [None, "", "closed"])
def test_a_question_nobody_answers_is_one_sentence(monkeypatch, capsys, given):
    """Standard input that is missing (no console), at its end, or closed."""
    stream = None if given is None else io.StringIO(given)
    if given == "closed":
        stream.close()
    monkeypatch.setattr(sys, "stdin", stream)
    with pytest.raises(OptionError, match=r"^Say --yes\.$"):
        confirmed("Shall it?", "Say --yes.")
    assert capsys.readouterr() == ("", "Shall it? [y/N]: \n")


@pytest.mark.parametrize(
    ("text", "expected"), [("y\n", True), ("YES\n", True), ("n\n", False), ("\n", False), ("x\n", False)]
)
def test_only_a_yes_is_a_yes(monkeypatch, text, expected):
    monkeypatch.setattr(sys, "stdin", io.StringIO(text))
    assert confirmed("Shall it?", "") is expected


def test_an_end_of_input_is_no_fault_of_rogi(monkeypatch, capsys):
    """typer makes an Abort without a word of every EOFError, that of a file cut short included."""

    def cut():
        raise EOFError("Compressed file ended before the end-of-stream marker was reached")

    monkeypatch.setattr("rogi.cli.rules.rules", cut)
    monkeypatch.setattr(sys, "argv", ["rogi", "rules"])
    with pytest.raises(SystemExit) as end:
        rogi.cli.main()
    said = capsys.readouterr().err
    assert end.value.code == 2 and said.count("\n") <= 2
    assert "An input ended too early: Compressed file ended" in said and "fault in rogi" not in said


def test_a_reader_that_goes_away_is_nothing_to_speak_of():
    done = shell("$ROGI rules | head -1; echo ${PIPESTATUS[0]}")
    assert done.stderr == ""
    assert len(done.stdout.splitlines()) == 2


def test_an_encoding_that_lacks_characters_gets_escapes():
    done = shell("$ROGI schema show tprogi", PYTHONIOENCODING="ascii")
    assert (done.returncode, done.stderr) == (0, "")
    assert "km\\u00b2" in done.stdout
    listed = shell("$ROGI rules --format json", PYTHONIOENCODING="ascii")
    plain = shell("$ROGI rules --format json")
    assert json.loads(listed.stdout) == json.loads(plain.stdout)


@pytest.mark.parametrize(
    ("bad", "shown"),
    [("²", "\\u00b2"), ("\udce9", "\\udce9"), ("𝒙", "\\ud835\\udc99"), ("²³", "\\u00b2\\u00b3")],
)
def test_escapes_are_those_of_json(bad, shown):
    assert escaped(UnicodeEncodeError("ascii", f"a{bad}b", 1, 1 + len(bad), "")) == (shown, 1 + len(bad))
    with pytest.raises(UnicodeDecodeError):
        escaped(UnicodeDecodeError("utf-8", b"\xff", 0, 1, ""))


WAITING = """
import signal, sys, threading
from pathlib import Path
from rogi import cli, files
folder = sys.argv.pop()
sys.argv = ["rogi", "rules"]
def wait():
    with files.replacing(Path(folder) / "a.txt", state=True) as temporary:
        temporary.write_text("half")
        print("ready", flush=True)
        signal.pause()
from rogi.cli import rules
rules.rules = wait
cli.main()
"""


def default_signals():
    """In the child: signals as of a terminal, whatever the parent ignores (nohup, jobs in the background)."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


@pytest.mark.skipif(sys.platform == "win32", reason="signals are of Unix")
@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_a_signal_cleans_up_and_says_which_it_was(tmp_path, number, code):
    (tmp_path / "a.txt").write_text("old")
    process = subprocess.Popen(
        [sys.executable, "-c", WAITING, str(tmp_path)], text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        preexec_fn=default_signals, env=os.environ | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert process.stdout.readline() == "ready\n", process.communicate()[1]
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (code, "")
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]
    assert (tmp_path / "a.txt").read_text() == "old"


def test_signals_are_as_before_afterwards_and_what_is_ignored_stays_so():
    before = signal.getsignal(signal.SIGTERM)
    try:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        with ends_cleanly() as ended:
            assert signal.getsignal(signal.SIGTERM) is ended
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        with ends_cleanly():
            assert signal.getsignal(signal.SIGTERM) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGTERM, before)
    ended = Ended()
    assert ended.code(1) == 1
    with pytest.raises(KeyboardInterrupt):
        ended(15, None)
    assert ended.code(1) == 143


def test_an_interrupt_while_it_starts_is_one_line():
    """Ctrl-C before a command began; in the import of a command nothing is printed, as in the command."""
    code = (
        "import sys, rogi_toolkit\n"
        "class Stop:\n"
        "    def find_spec(self, name, *_):\n"
        "        if name == '{}': raise KeyboardInterrupt\n"
        "sys.meta_path.insert(0, Stop()); sys.argv = ['rogi', 'rules']; rogi_toolkit.main()"
    )
    for module, said in (("typer", "Stopped.\n"), ("rogi.cli.rules", ""), ("rogi.cli", "Stopped.\n")):
        done = subprocess.run(
            [sys.executable, "-c", code.format(module)], capture_output=True, text=True, check=False,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
        )  # fmt: skip
        assert (done.returncode, done.stderr) == (130, said), module


def test_a_caller_that_closes_standard_input_stops_the_command():
    """With ROGI_STOP=stdin, as the QGIS plugin does; without it standard input does not matter."""
    line = "import time; from rogi.cli.streams import ends_cleanly\nwith ends_cleanly() as e: {}"
    wait = (
        "\n try:\n  print(flush=True)\n  time.sleep(600)"
        "\n except KeyboardInterrupt: raise SystemExit(e.code(130))"
    )
    for environment, code, what in (({"ROGI_STOP": "stdin"}, 143, wait), ({}, 0, "print()")):
        with subprocess.Popen(
            [sys.executable, "-c", line.format(what)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            env=os.environ | {"PYTHONPATH": str(ROOT)} | environment,
        ) as process:  # fmt: skip
            process.stdout.readline()  # it waits
            process.stdin.close()
            assert process.wait() == code
