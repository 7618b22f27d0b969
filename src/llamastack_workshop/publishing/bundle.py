"""Pack the workshop into one archive, from which a machine without any network runs it: `workshop bundle`.

What `make lab` and `make test` install is installed into a copy of the last commit, by the same code, with uv's and
npm's caches inside that copy. The caches stay, the installation goes. `scripts/uv` works offline where it finds them.
"""

import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
from functools import partial
from pathlib import Path

from llamastack_workshop.publishing import npm_packages
from llamastack_workshop.server import stacks
from llamastack_workshop.system import files, paths
from llamastack_workshop.system.errors import Say, WorkshopError, clear_errors
from llamastack_workshop.system.processes import run_group

_FOLDER = "llamastack-workshop"
_DISK_NEEDED = 3.0  # GB; measured: 1.7 for the caches and an installation that shares their files, 0.6 for the archive
_PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
# Settings of the person who makes the bundle, which the machine that it is for has not.
_PERSONAL = ("UV_", "NPM_CONFIG_", "XDG_", "VIRTUAL_ENV")


def make(say: Say) -> Path:
    """Write the archive and its SHA256SUMS into `_build` and return the archive; `say` gets a line for each step.

    It holds the last commit, and what is in `_build` of the site and the slides.
    Raises WorkshopError if there is no commit to pack, if changes are not committed, or if a step fails.
    """
    commit = _commit(say)
    paths.BUILD.mkdir(exist_ok=True)
    if (free := shutil.disk_usage(paths.BUILD).free / 1e9) < _DISK_NEEDED:
        raise WorkshopError(f"The disk has {free:.1f} GB free, and this needs {_DISK_NEEDED:.0f} GB.", "Make room.")
    with tempfile.TemporaryDirectory(dir=paths.BUILD, prefix="bundle-") as scratch:
        folder = Path(scratch) / _FOLDER
        say(f"Copying {commit} …")
        _copy_commit(folder)
        uv = _copy_uv(folder)
        has_python = _bring_python(uv, folder, say)
        say("Installing all that the workshop and its tests install, to keep what is fetched (about 600 MB) …")
        _install([str(uv)], folder, _settings(folder))
        _forget_installation(uv, folder)
        say("Installing it again, offline …")
        _install(_offline_uv(uv), folder, _offline_settings(folder))
        _forget_installation(uv, folder)
        built = [name for name in ("html", "slides") if _copy_built(name, folder, say)]
        (folder / "OFFLINE.md").write_text(_note(commit, has_python, built), encoding="utf-8")
        archive = paths.BUILD / archive_name(platform.system(), platform.machine())
        size = sum(path.lstat().st_size for path in folder.rglob("*"))
        say(f"Packing {size / 1e9:.1f} GB (a minute or two) …")
        pack(folder, archive)
    return archive


def archive_name(system: str, machine: str) -> str:
    """Return the archive's name for what platform.system() and platform.machine() return."""
    return f"llamastack-workshop-offline-{system}-{machine}.tar.gz".lower()


def pack(folder: Path, archive: Path) -> None:
    """Pack `folder` into `archive`, a .tar.gz file, and write a SHA256SUMS beside it.

    Neither the name nor the number of the user who packs goes with it. Both files appear complete or not at all.
    """
    part = archive.with_name(f"{archive.name}.part")
    sums = archive.with_name("SHA256SUMS")
    try:
        with tarfile.open(part, "w:gz", compresslevel=6) as tar:
            tar.add(folder, arcname=folder.name, filter=_anonymous)
        with part.open("rb") as file:
            checksum = hashlib.file_digest(file, "sha256").hexdigest()
        # An archive without sums is better than one with those of another.
        sums.unlink(missing_ok=True)
        part.replace(archive)
    finally:
        part.unlink(missing_ok=True)
    files.write_whole(sums, f"{checksum}  {archive.name}\n")


def install_all(say: Say) -> None:
    """Install what the tests need beyond the package's own environment: other lines' servers, npm's packages.

    Raises WorkshopError if something cannot be installed.
    """
    for name in stacks.names():
        stacks.server(name, say)
    for package_json in package_files(paths.ROOT):
        say(f"Installing the packages of {package_json.relative_to(paths.ROOT)} …")
        npm_packages.installed(package_json)


def package_files(root: Path) -> list[Path]:
    """Return each package.json below `root` that is ours: in no hidden folder, no build and no installed package."""
    found = root.glob("[!._]*/**/package.json")
    return sorted(path for path in found if "node_modules" not in path.parts)


def _commit(say: Say) -> str:
    """Return the last commit's short name and date; raises WorkshopError if it is not what the folder holds."""
    if _git("rev-parse", "--show-prefix"):
        raise WorkshopError("This folder is a part of another git repository.", "Clone the workshop, and try there.")
    commit = _git("log", "-1", "--format=%h of %cs")
    changes = _git("status", "--porcelain").splitlines()
    if changed := [line[3:] for line in changes if not line.startswith("??")]:
        raise WorkshopError(
            f"A bundle holds the last commit, and these changes are in none: {_some(changed)}",
            "Commit them, or put them aside: git stash",
        )
    if unknown := [line[3:] for line in changes]:
        say(f"Not in the bundle, because git does not know them: {_some(unknown)}")
    return commit


def _some(names: list[str]) -> str:
    return ", ".join(names[:5] + (["…"] if len(names) > 5 else []))


def _git(*arguments: str) -> str:
    fix = "Make the bundle in a clone of the repository, with git installed."
    try:
        run = subprocess.run(["git", *arguments], cwd=paths.ROOT, capture_output=True, encoding="utf-8")
    except FileNotFoundError:
        raise WorkshopError("A bundle holds the last commit, and git is not installed.", fix) from None
    if run.returncode:
        raise WorkshopError(f"git {arguments[0]} failed: {run.stderr.strip().splitlines()[0]}", fix)
    return run.stdout.rstrip()


def _copy_commit(folder: Path) -> None:
    source = folder.with_suffix(".tar")
    _git("archive", f"--output={source}", "HEAD")
    with tarfile.open(source) as tar:
        tar.extractall(folder, filter="data")


def _copy_uv(folder: Path) -> Path:
    """Copy the uv that runs this: each version of uv has a form of cache of its own."""
    name = "uv.exe" if os.name == "nt" else "uv"
    found = os.environ.get("UV") or shutil.which(paths.ROOT / ".uv" / "bin" / name) or shutil.which(name)
    if not found:
        raise WorkshopError("There is no uv to put into the bundle.", "Run: make bundle (or: uv run workshop bundle)")
    target = folder / ".uv" / "bin" / name
    target.parent.mkdir(parents=True)
    return Path(shutil.copy(found, target))


def _bring_python(uv: Path, folder: Path, say: Say) -> bool:
    """Put a Python into the bundle, and return whether uv could fetch one."""
    (folder / ".uv" / "python-version").write_text(f"{_PYTHON}\n", encoding="utf-8")
    say(f"Fetching a Python {_PYTHON} …")
    environment = _settings(folder)
    installed = Path(environment["UV_PYTHON_INSTALL_DIR"])
    command = [str(uv), "python", "install", _PYTHON, "--no-bin", "--no-registry"]
    run = subprocess.run(command, cwd=folder, env=environment, capture_output=True, encoding="utf-8")
    if run.returncode:
        shutil.rmtree(installed, ignore_errors=True)
        say(f"uv can fetch none here, so that the bundle needs a machine with a Python {_PYTHON}.")
        return False
    # Links such as cpython-3.12-… lead to a path of this machine; uv makes them anew.
    for path in installed.iterdir():
        if path.is_symlink() or path.is_junction():
            path.unlink()
    return True


def _settings(folder: Path) -> dict[str, str]:
    """Return the environment in which uv and npm keep what they fetch inside `folder`."""
    foreign = ("VIRTUAL_ENV", "UV_PROJECT_ENVIRONMENT")
    return {name: value for name, value in os.environ.items() if name not in foreign} | _places(folder)


def _offline_settings(folder: Path) -> dict[str, str]:
    """Return the environment in which uv and npm fetch nothing, and find no settings of a person."""
    home = folder.with_name("home")
    home.mkdir()
    neutral = {name: value for name, value in os.environ.items() if not name.upper().startswith(_PERSONAL)}
    return neutral | _places(folder) | {"UV_OFFLINE": "1", "npm_config_offline": "true", "HOME": str(home)}


def _places(folder: Path) -> dict[str, str]:
    brought = folder / ".uv"
    return {
        "UV_PYTHON": _PYTHON if (brought / "python").exists() else sys.executable,
        "UV_CACHE_DIR": str(brought / "cache"),
        "UV_PYTHON_INSTALL_DIR": str(brought / "python"),
        "npm_config_cache": str(brought / "npm"),
        # Compiled files name the folders of this machine.
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def _offline_uv(uv: Path) -> list[str]:
    """Return the uv of a machine without network: the script that make uses, where a shell can run it."""
    return [str(uv)] if os.name == "nt" else [str(uv.parents[2] / "scripts" / "uv")]


def _install(uv: list[str], folder: Path, environment: dict[str, str]) -> None:
    # uv shows its own progress, and its errors say what is missing.
    command = [*uv, "run", "python", "-m", "llamastack_workshop.publishing.bundle"]
    if run_group(command, cwd=folder, env=environment):
        raise WorkshopError("The bundle's packages were not installed: see above.", "Correct it, and try again.")


def _forget_installation(uv: Path, folder: Path) -> None:
    """Remove what an installation leaves behind apart from what was fetched: it names this machine's folders."""
    for name in (".venv", ".workshop"):
        shutil.rmtree(folder / name)
    for place in ("cache/interpreter-*", "cache/sdists-*/editable", "npm/_logs"):
        for path in (folder / ".uv").glob(place):
            shutil.rmtree(path)
    # What the removed entries pointed to.
    subprocess.run([uv, "cache", "prune", "--quiet"], cwd=folder, env=_settings(folder), check=True)


def _copy_built(name: str, folder: Path, say: Say) -> bool:
    """Copy `_build/name`, and return whether it is there."""
    source = paths.BUILD / name
    if not (source / "index.html").exists() or (name == "html" and not paths.SITE_COMPLETE.exists()):
        say(f"There is nothing in _build/{name}, so that the bundle has none.")
        return False
    say(f"Copying _build/{name} …")
    shutil.copytree(source, folder / "_build" / name)
    return True


def _note(commit: str, has_python: bool, built: list[str]) -> str:
    """Return the text of OFFLINE.md, for whoever unpacks the bundle."""
    python = f"Python {_PYTHON} is in it" if has_python else f"The machine needs a Python {_PYTHON}"
    pages = "\n".join(f"Open `_build/{name}/index.html` in a browser." for name in built)
    return f"""# The LlamaStack Workshop, offline

This folder holds commit {commit}, for {platform.system()} on {platform.machine()}.
{python}; everything else that is installed is in `.uv/`.

    make lab     # model, LlamaStack server and JupyterLab; prints its URL
    make test    # every notebook and all tests, against a server of their own

{pages or "Neither the site nor slides were built: `make book slides` does that."}
`book/teaching/offline.md` says more.
"""


def _anonymous(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return member


if __name__ == "__main__":
    with clear_errors():
        install_all(partial(print, flush=True))
