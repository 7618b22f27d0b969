"""Messages about errors of the operating system: they name the file, and a fix that works."""

import errno
import subprocess
import sys

import pytest

from llamastack_workshop.system.errors import refused


@pytest.mark.parametrize(
    ("number", "fix"),
    [
        (errno.ENOSPC, "Make room there"),
        (errno.EDQUOT, "Make room there"),
        (errno.EROFS, "in a folder that you can write to"),
        (errno.EACCES, "that you own"),
        (errno.EEXIST, "A folder belongs there"),
        (errno.ENOTDIR, "A folder belongs there"),
        (errno.EMFILE, "ulimit -n"),
        (errno.EIO, "VERBOSE=true"),
    ],
)
def test_each_refusal_has_a_fix_of_its_own(number: int, fix: str) -> None:
    told = refused(OSError(number, "Reason", "/some/file"))
    assert told.problem == "/some/file: Reason." and fix in told.fix


def test_certificates_that_are_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere.pem")
    assert refused(FileNotFoundError(errno.ENOENT, "Reason")).problem == "SSL_CERT_FILE=/nowhere.pem does not exist."
    assert "/some/file" in refused(FileNotFoundError(errno.ENOENT, "Reason", "/some/file")).problem


def test_an_output_that_lacks_a_character() -> None:
    code = "from llamastack_workshop import start; start.Program('builtins', main='print')(); print('…')"
    run = subprocess.run([sys.executable, "-c", code], env={"PYTHONIOENCODING": "ascii"}, capture_output=True)
    assert (run.returncode, run.stdout.split()) == (0, [b"\\u2026"])
