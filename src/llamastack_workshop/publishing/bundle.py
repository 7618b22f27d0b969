"""Pack the workshop into an archive for offline installation: `workshop bundle`.

A bundle is a copy of the last commit with a folder `.uv/`: uv, the wheels pinned in requirements/, the npm packages,
and a Python if uv can download one. It is installed by the usual scripts, from these wheels, with the same hashes.
"""

import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from llamastack_workshop.publishing import npm_packages
from llamastack_workshop.system import files, paths, uv
from llamastack_workshop.system.errors import Say, WorkshopError
from llamastack_workshop.system.processes import run_group

_FOLDER = "llamastack-workshop"
_DISK_NEEDED = 3.0  # GB; measured: 0.6 for the wheels, 1.4 for an installation to try them, 0.6 for the archive
_PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
# Settings of the person who makes the bundle, which the target machine does not have.
_PERSONAL = ("UV", "PIP_", "NPM_CONFIG_", "XDG_", "VIRTUAL_ENV")
_INSTALL_STACKS = "from llamastack_workshop.server import stacks as s; [s.server(name, print) for name in s.names()]"


def make(say: Say) -> Path:
    """Write the archive and its SHA256SUMS into `_build`, and return the archive; `say` reports each step.

    It contains the last commit, and the site and the slides if they are in `_build`.
    Raises WorkshopError if there is no commit, if there are uncommitted changes, or if a step fails.
    """
    commit = commit_to_pack(say)
    paths.BUILD.mkdir(exist_ok=True)
    if (free := shutil.disk_usage(paths.BUILD).free / 1e9) < _DISK_NEEDED:
        raise WorkshopError(
            f"The disk has {free:.1f} GB free, but a bundle needs {_DISK_NEEDED:.0f} GB.", "Free some space."
        )
    with tempfile.TemporaryDirectory(dir=paths.BUILD, prefix="bundle-") as scratch:
        folder = Path(scratch) / _FOLDER
        say(f"Copying {commit} …")
        copy_commit(folder)
        brought = folder / ".uv"
        _copy_uv(brought)
        has_python = _bring_python(brought, say)
        _bring_wheels(brought, Path(scratch), say)
        _bring_npm_packages(brought, say)
        say("Testing an offline installation …")
        _try(folder)
        built = [name for name in ("html", "slides") if _copy_built(name, folder, say)]
        (folder / "OFFLINE.md").write_text(_note(commit, has_python, built), encoding="utf-8")
        archive = paths.BUILD / archive_name(platform.system(), platform.machine())
        size = sum(path.lstat().st_size for path in folder.rglob("*"))
        say(f"Packing {size / 1e9:.1f} GB (a minute or two) …")
        pack(folder, archive)
    return archive


def archive_name(system: str, machine: str) -> str:
    """Return the archive's name for these values of platform.system() and platform.machine()."""
    return f"llamastack-workshop-offline-{system}-{machine}.tar.gz".lower()


def pack(folder: Path, archive: Path) -> None:
    """Pack `folder` into `archive`, a .tar.gz file, and write a SHA256SUMS next to it.

    The archive does not contain the packing user's name or id. Both files are written atomically.
    """
    part = archive.with_name(f"{archive.name}.part")
    sums = archive.with_name("SHA256SUMS")
    try:
        with tarfile.open(part, "w:gz", compresslevel=1) as tar:
            tar.add(folder, arcname=folder.name, filter=_anonymous)
        with part.open("rb") as file:
            checksum = hashlib.file_digest(file, "sha256").hexdigest()
        # An archive without checksums is better than one with those of another archive.
        sums.unlink(missing_ok=True)
        part.replace(archive)
    finally:
        part.unlink(missing_ok=True)
    files.write_whole(sums, f"{checksum}  {archive.name}\n")


def package_files(root: Path) -> list[Path]:
    """Return each package.json of ours below `root`: not in hidden folders, builds or installed packages."""
    found = root.glob("[!._]*/**/package.json")
    return sorted(path for path in found if "node_modules" not in path.parts)


def commit_to_pack(say: Say) -> str:
    """Return the last commit's short hash and date; raise WorkshopError if the folder has uncommitted changes."""
    if _git("rev-parse", "--show-prefix"):
        raise WorkshopError("This folder is part of another git repository.", "Clone the workshop, and try there.")
    commit = _git("log", "-1", "--format=%h of %cs")
    changes = _git("status", "--porcelain").splitlines()
    if changed := [line[3:] for line in changes if not line.startswith("??")]:
        raise WorkshopError(
            f"A bundle contains the last commit, but these changes are not committed: {_some(changed)}",
            "Commit or stash them.",
        )
    if unknown := [line[3:] for line in changes]:
        say(f"Not in the bundle, because git does not track them: {_some(unknown)}")
    return commit


def _some(names: list[str]) -> str:
    return ", ".join(names[:5] + (["…"] if len(names) > 5 else []))


def _git(*arguments: str) -> str:
    fix = "Make the bundle in a clone of the repository, with git installed."
    try:
        run = subprocess.run(["git", *arguments], cwd=paths.ROOT, capture_output=True, encoding="utf-8")
    except FileNotFoundError:
        raise WorkshopError("A bundle contains the last commit, but git is not installed.", fix) from None
    if run.returncode:
        raise WorkshopError(f"git {arguments[0]} failed: {run.stderr.strip().splitlines()[0]}", fix)
    return run.stdout.rstrip()


def copy_commit(folder: Path) -> None:
    source = folder.with_suffix(".tar")
    _git("archive", f"--output={source}", "HEAD")
    with tarfile.open(source) as tar:
        tar.extractall(folder, filter="data")


def _copy_uv(brought: Path) -> None:
    # Only uv knows the executable behind a shim.
    ask = [uv.command(), "run", "--quiet", "--no-project", "python", "-c", "import os; print(os.environ['UV'])"]
    found = subprocess.run(ask, capture_output=True, encoding="utf-8")
    if found.returncode:
        raise WorkshopError("uv was not found.", "Run: make bundle (or: uv run workshop bundle)")
    target = brought / "bin" / ("uv.exe" if os.name == "nt" else "uv")
    target.parent.mkdir(parents=True)
    shutil.copy(found.stdout.strip(), target)


def _bring_python(brought: Path, say: Say) -> bool:
    """Put a Python into the bundle, and return whether uv could download one."""
    (brought / "python-version").write_text(f"{_PYTHON}\n", encoding="utf-8")
    say(f"Downloading Python {_PYTHON} …")
    installed = brought / "python"
    environment = os.environ | {"UV_PYTHON_INSTALL_DIR": str(installed)}
    command = [uv.command(), "python", "install", _PYTHON, "--no-bin", "--no-registry"]
    run = subprocess.run(command, env=environment, capture_output=True, encoding="utf-8")
    if run.returncode:
        shutil.rmtree(installed, ignore_errors=True)
        say(f"uv cannot download it here, so the target machine needs Python {_PYTHON}.")
        return False
    # Links such as cpython-3.12-… point to a path on this machine; uv recreates them.
    for path in installed.iterdir():
        if path.is_symlink() or path.is_junction():
            path.unlink()
    return True


def _bring_wheels(brought: Path, scratch: Path, say: Say) -> None:
    """Download the wheels for the lab, the book, the tests and the servers of other lines, checked against hashes."""
    # With pip, because uv has no command for this.
    environment = scratch / "pip"
    uv.make_environment(environment, sys.executable)
    python = environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    uv.install(python, "bundle")
    names = ["lab", "book", "test", *(path.stem for path in sorted(uv.REQUIREMENTS.glob("stack-*.txt")))]
    options = ["--quiet", "--no-deps", "--require-hashes", "--only-binary", ":all:", "--dest", str(brought / "wheels")]
    for name in names:
        say(f"Downloading the packages of requirements/{name}.txt …")
        file = str(uv.REQUIREMENTS / f"{name}.txt")
        if run_group([str(python), "-m", "pip", "download", *options, "--requirement", file]):
            raise WorkshopError(
                f"Not all packages of {name}.txt were downloaded: see above.", "Fix that, and try again."
            )


def _bring_npm_packages(brought: Path, say: Say) -> None:
    for package_json in package_files(paths.ROOT):
        say(f"Downloading the packages of {package_json.relative_to(paths.ROOT)} …")
        there = npm_packages.installed(package_json)
        shutil.copytree(there, brought / npm_packages.BUNDLED.name / there.name, symlinks=True)


def _try(folder: Path) -> None:
    """Install everything in `folder` as on a machine without network and settings, and remove the installation."""
    home = folder.with_name("home")
    home.mkdir()
    neutral = {name: value for name, value in os.environ.items() if not name.upper().startswith(_PERSONAL)}
    # Bytecode files would contain paths of this machine.
    environment = neutral | {"HOME": str(home), "PYTHONDONTWRITEBYTECODE": "1"}
    if not (folder / ".uv" / "python").exists():
        environment["UV_PYTHON"] = sys.executable
    run_uv = [str(folder / ".uv" / "bin" / "uv.exe")] if os.name == "nt" else [str(folder / "scripts" / "uv")]
    python = str(folder / ".venv" / ("Scripts/python.exe" if os.name == "nt" else "bin/python"))
    for command in (
        [*run_uv, "run", "--quiet", "--no-project", "--isolated", "scripts/install.py", "test"],
        [python, "-c", _INSTALL_STACKS],
    ):
        if run_group(command, cwd=folder, env=environment):
            raise WorkshopError("The bundle cannot be installed: see above.", "Fix that, and try again.")
    for left in (".venv", ".workshop", ".uv/cache", ".uv/install.lock"):
        path = folder / left
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


def _copy_built(name: str, folder: Path, say: Say) -> bool:
    """Copy `_build/name`, and return whether it exists."""
    source = paths.BUILD / name
    if not (source / "index.html").exists() or (name == "html" and not paths.SITE_COMPLETE.exists()):
        say(f"_build/{name} has not been built, so it is not in the bundle.")
        return False
    say(f"Copying _build/{name} …")
    shutil.copytree(source, folder / "_build" / name)
    return True


def _note(commit: str, has_python: bool, built: list[str]) -> str:
    """Return the text of OFFLINE.md, for the person who unpacks the bundle."""
    python = f"Python {_PYTHON} is included" if has_python else f"The machine needs Python {_PYTHON}"
    pages = "\n".join(f"Open `_build/{name}/index.html` in a browser." for name in built)
    return f"""# The LlamaStack Workshop, offline

This folder contains commit {commit}, for {platform.system()} on {platform.machine()}.
{python}; all other packages are in `.uv/`.

    make lab     # model, LlamaStack server and JupyterLab; prints its URL
    make test    # every notebook and the tests of the code, against a dedicated server

{pages or "The site and the slides were not built: run `make book slides` for that."}
See `book/teaching/offline.md` for details.
"""


def _anonymous(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return member
