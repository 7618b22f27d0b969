"""Clones of this repository in temporary folders, whose commands run in separate processes, like an attendee's."""

import functools
import os
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from llamastack_workshop.server.embedded import weights
from llamastack_workshop.system import environment, paths, ports

# A busy machine takes several times as long as an idle one.
PATIENCE = 120  # seconds

_SITE = Path(sys.prefix, "lib", f"python{sys.version_info.major}.{sys.version_info.minor}", "site-packages")


@dataclass(frozen=True)
class Run:
    """A finished command: its exit status, standard output and standard error."""

    status: int
    output: str
    errors: str

    @property
    def said(self) -> str:
        """The lines of the error message, or else the last line."""
        lines = self.errors.strip().splitlines() or self.output.strip().splitlines()
        # Typer draws a box around its message about a wrong option.
        lines = [line.strip("│ ") for line in lines if not line.startswith(("╭", "╰"))]
        first = next((number for number, line in enumerate(lines) if line.startswith("Error: ")), len(lines) - 1)
        return " ".join(line.strip() for line in lines[max(first, 0) : first + 2])


class Clone:
    """A copy of the repository in `folder`, with our packages in its own environment, and the prepared models.

    All its processes have TMPDIR in their environment, which identifies them.
    """

    def __init__(self, folder: Path, temporary: Path) -> None:
        self.folder, self.temporary = folder, temporary
        self.home = temporary / "home"
        self.home.mkdir(parents=True, exist_ok=True)
        _copy_repository(folder)
        _make_environment(folder)

    def give_models(self, *, linked: bool = True) -> list[Path]:
        """Link the prepared models into the clone, or copy them so that they can be damaged, and return them."""
        target = self.folder / ".workshop" / "models"
        target.mkdir(parents=True, exist_ok=True)
        for file in _prepared_models().iterdir():
            (os.link if linked else shutil.copyfile)(file, target / file.name)
        return sorted(target.glob("*.gguf"))

    def variables(self, **changed: str) -> dict[str, str]:
        """Return the environment of its commands: the variables that any program needs, and `changed`."""
        elsewhere = [name for name in os.environ if name.startswith("XDG_")]
        ours = environment.without(["VIRTUAL_ENV", "PYTHONPATH", *elsewhere], environment.named())
        # With more threads than the tests' own servers leave free, all of them would be slow.
        places = {"TMPDIR": str(self.temporary), "HOME": str(self.home), "WORKSHOP_THREADS": "1"}
        return {**ours, **places, "NO_COLOR": "1", "COLUMNS": "400", **changed}

    def start(self, *words: str, before: Sequence[str] = (), **changed: str) -> subprocess.Popen[str]:
        """Start `workshop WORDS`, prefixed with the command `before`; `changed` are environment variables."""
        return self.program(str(self.folder / ".venv/bin/workshop"), *words, before=before, **changed)

    def program(self, *words: str, before: Sequence[str] = (), **changed: str) -> subprocess.Popen[str]:
        """Start any program in the clone's folder, like `start`."""
        return subprocess.Popen(
            [*before, *words],
            cwd=self.folder,
            env=self.variables(**changed),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        )

    def run(self, *words: str, before: Sequence[str] = (), **changed: str) -> Run:
        """Run `workshop WORDS` until it ends."""
        return ended(self.start(*words, before=before, **changed))

    def serve(self, *words: str, before: Sequence[str] = (), **changed: str) -> Run:
        """Run `workshop llama-server WORDS` on a free port until it serves or fails, and end it with Ctrl-C."""
        port = [] if "--port" in words else ["--port", str(ports.free_port())]
        process = self.start("llama-server", *port, *words, before=before, **changed)
        output, too_late = "", threading.Timer(PATIENCE, process.kill)
        too_late.start()
        for line in process.stdout:
            output += line
            if "Ctrl-C stops it" in line:
                # It prints this line shortly before it waits.
                time.sleep(0.3)
                process.send_signal(signal.SIGINT)
        run = ended(process)
        too_late.cancel()
        return Run(run.status, output + run.output, run.errors)

    def processes(self) -> list[psutil.Process]:
        """Return the running processes of this clone."""
        found = []
        for process in psutil.process_iter():
            try:
                if process.environ().get("TMPDIR") == str(self.temporary):
                    found.append(process)
            except psutil.Error:
                continue
        return found

    def remains(self) -> list[str]:
        """Return what a command must not leave behind: processes, half-written files, temporary folders."""
        psutil.wait_procs(self.processes(), timeout=25)
        alive = [f"process {' '.join(process.cmdline()[:5])}" for process in self.processes()]
        halves = [f"half a file {path}" for path in self.folder.rglob("*.part*") if ".venv" not in path.parts]
        left = [f"temporary {path.name}" for path in self.temporary.iterdir() if path.name.startswith("workshop-")]
        return [*alive, *halves, *left]


def ended(process: subprocess.Popen[str]) -> Run:
    """Wait for a process to end, and return its Run; if it doesn't end, kill it and fail the test."""
    try:
        output, errors = process.communicate(timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        output, errors = process.communicate(timeout=30)
        pytest.fail(f"it did not end within {PATIENCE} s: {output} {errors}")
    return Run(process.returncode, output, errors)


def read_until(process: subprocess.Popen[str], wanted: str) -> str:
    """Read the standard output of `process` up to a line with `wanted`, and return it."""
    lines = []
    for line in process.stdout:
        lines.append(line)
        if wanted in line:
            return "".join(lines)
    pytest.fail(f"it ended before it said {wanted!r}: {''.join(lines)} {process.stderr.read()}")


def end(process: subprocess.Popen[str], signal_number: int) -> Run:
    """Send a signal to a process, and return its Run."""
    process.send_signal(signal_number)
    return ended(process)


def wait_for(condition: object, seconds: float = 30) -> bool:
    """Return whether the function `condition` becomes true in time."""
    deadline = time.monotonic() + seconds
    while not (met := condition()) and time.monotonic() < deadline:
        time.sleep(0.1)
    return bool(met)


def mounted(setup: str, *values: str) -> list[str]:
    """Return a command prefix that runs a command with the mounts of the shell script `setup`.

    The mounts are in a namespace that disappears when the command ends. `values` are "$1", "$2", … in the script. Skips
    the test if the system doesn't permit namespaces.
    """
    namespaces = _namespaces()
    if namespaces is None:
        pytest.skip("this system allows no namespaces")
    count = len(values)
    return [*namespaces, "sh", "-c", f'set -e; {setup}; shift {count}; exec "$@"', "sh", *values]


def full_disk(place: Path, kilobytes: int = 64) -> list[str]:
    """Return a command prefix that makes the folder `place` a full disk."""
    place.mkdir(parents=True, exist_ok=True)
    fill = 'mount -t tmpfs -o "size=$2k" none "$1"; head -c 100000000 /dev/zero > "$1/filler" 2>/dev/null || true'
    return mounted(fill, str(place), str(kilobytes))


def read_only(place: Path) -> list[str]:
    """Return a command prefix that makes the folder `place` a read-only disk."""
    return mounted('mount --bind "$1" "$1"; mount -o remount,bind,ro "$1"', str(place))


def without_network() -> list[str]:
    """Return a command prefix that leaves only a loopback device as network."""
    namespaces = _namespaces()
    if namespaces is None or shutil.which("ip") is None:
        pytest.skip("this system allows no namespaces")
    return [*namespaces, "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh"]


def ordinary_user() -> list[str]:
    """Return a command prefix that drops a superuser's privileges; it is empty if we aren't superuser."""
    if os.geteuid() != 0:
        return []
    if shutil.which("setpriv") is None:
        pytest.skip("we are the superuser, and there is no setpriv to be less")
    return ["setpriv", "--inh-caps=-all", "--bounding-set=-all"]


@contextmanager
def given_to_another_user(folder: Path) -> Iterator[None]:
    """Give `folder` to another user for the duration of the block; skip the test if we lack the permission."""
    if os.geteuid() != 0:
        pytest.skip("only the superuser gives a folder to another user")
    owner = folder.stat()

    def give(user: int, group: int) -> None:
        for path in [folder, *folder.rglob("*")]:
            # The prepared models are hard links to ours.
            if ".venv" not in path.parts and path.suffix not in (".gguf", ".sha256"):
                os.chown(path, user, group, follow_symlinks=False)

    give(65534, 65534)
    try:
        yield
    finally:
        give(owner.st_uid, owner.st_gid)


@functools.cache
def _namespaces() -> list[str] | None:
    """Return the command prefix for a mount namespace, or None if namespaces are not permitted."""
    for words in (["unshare", "--mount"], ["unshare", "--mount", "--user", "--map-root-user"]):
        try:
            if subprocess.run([*words, "mount", "-t", "tmpfs", "none", "/mnt"], capture_output=True).returncode == 0:
                return words
        except OSError:
            return None
    return None


@functools.cache
def _prepared_models() -> Path:
    weights.chat_model(weights.CHAT_MODEL, lambda line: None)
    weights.embedding_model(lambda line: None)
    return paths.MODELS


def _copy_repository(folder: Path) -> None:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=paths.ROOT,
        capture_output=True,
        check=True,
        encoding="utf-8",
    )
    for name in listed.stdout.split("\0"):
        if name and (paths.ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(paths.ROOT / name, folder / name)


def _make_environment(folder: Path) -> None:
    """Make an environment quickly, which finds the clone's package first, and then our installed packages."""
    ours, theirs = Path(sys.prefix), folder / ".venv"
    (theirs / "bin").mkdir(parents=True)
    (theirs / "bin" / "python").symlink_to((ours / "bin" / "python").readlink())
    shutil.copy(ours / "pyvenv.cfg", theirs / "pyvenv.cfg")
    for name in ("share", "etc"):
        (theirs / name).symlink_to(ours / name)
    packages = theirs / _SITE.relative_to(ours)
    packages.mkdir(parents=True)
    # A .pth file in a folder that comes from another .pth file is not read, so our own package is not found.
    (packages / "clone.pth").write_text(f"{folder / 'src'}\n{_SITE}\n", encoding="utf-8")
    for command in (ours / "bin").iterdir():
        text = command.read_bytes()
        if text.startswith(b"#!") and command.name.startswith(("workshop", "llama", "jupyter")):
            # uv does the same if the path contains a blank or is too long for `#!`.
            body = text.split(b"\n", 1)[1].decode()
            start = f"#!/bin/sh\n'''exec' {shlex.quote(str(theirs / 'bin/python'))} \"$0\" \"$@\"\n' '''\n"
            (theirs / "bin" / command.name).write_text(start + body, encoding="utf-8")
            (theirs / "bin" / command.name).chmod(0o755)
    sources = [paths.ROOT / "pyproject.toml", *sorted((paths.ROOT / "requirements").glob("*.txt"))]
    stamp = b"".join([f"{folder.resolve()}\n".encode(), *(file.read_bytes() for file in sources)])
    for group in ("lab", "book", "test"):
        (theirs / f"installed-{group}").write_bytes(stamp)
