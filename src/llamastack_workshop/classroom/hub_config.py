"""JupyterHub's configuration for a classroom, which JupyterHub loads in an environment of its own.

WORKSHOP_HUB names a file with what `hub.py` has decided. JupyterHub puts `get_config` here.
"""

import asyncio
import json
import os
import resource
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from jupyterhub.auth import Authenticator
from jupyterhub.spawner import LocalProcessSpawner
from jupyterhub.utils import wait_for_http_server

from llamastack_workshop.classroom.people import Person

SETTINGS = json.loads(Path(os.environ["WORKSHOP_HUB"]).read_text(encoding="utf-8"))
PEOPLE = {one["name"]: Person(**one) for one in SETTINGS["people"]}
# Forty people open their notebooks at once, and each start takes a core for some seconds: so many start at a time, and
# the others wait for their turn. JupyterHub's own limit would refuse them with a 429.
TURNS = asyncio.Semaphore(4)
LONGEST_START = 180  # seconds
LONGEST_WAIT = 1800  # seconds; for the turn, too
# Below those that Linux hands out: between the choice of such a port and its use, somebody's kernel may have taken it.
FIRST_PORT, LAST_PORT = 20_000, 32_000
# An unknown name takes as long as a wrong password.
NOBODY = Person("", "00" * 16, "", 0)


def free_port(number: int) -> int:
    """Return a port for the attendee with this number, from 0; another one's is different."""
    for port in range(FIRST_PORT + number, LAST_PORT, len(PEOPLE)):
        with socket.socket() as tried, suppress(OSError):
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            tried.bind(("127.0.0.1", port))
            return port
    raise RuntimeError(f"No port from {FIRST_PORT} to {LAST_PORT} is free.")


class HandedOut(Authenticator):
    """Lets in who has the password of a hand-out sheet."""

    async def authenticate(self, handler: Any, data: dict[str, str]) -> str | None:
        person = PEOPLE.get(data["username"].strip().lower(), NOBODY)
        right = await asyncio.get_running_loop().run_in_executor(None, person.has_password, data["password"])
        return person.name if right else None


class OwnUser(LocalProcessSpawner):
    """Runs an attendee's JupyterLab in their folder, within limits: as a user of their own, if we are root."""

    @property
    def _folder(self) -> Path:
        return Path(SETTINGS["folders"]) / self.user.name

    async def start(self) -> tuple[str, int]:
        async with TURNS:
            self.port = free_port(sorted(PEOPLE).index(self.user.name))
            ip, port = await super().start()
            # The hub waits for the answer, too, and tells what's wrong if there is none.
            for _ in range(LONGEST_START):
                if await self.poll() is not None:
                    break
                with suppress(TimeoutError):
                    await wait_for_http_server(f"http://{ip}:{port}{self.server.base_url}api", timeout=1)
                    break
            return ip, port

    async def poll(self) -> int | None:
        # One that waits for its turn has no process yet, and has not ended.
        return None if self.pending == "spawn" and not self.pid else await super().poll()

    def make_preexec_fn(self, name: str) -> Callable[[], None]:
        uid, folder, memory = PEOPLE[name].uid, self._folder, SETTINGS["memory"]

        def prepare() -> None:
            os.umask(0o077)
            # The servers, which all need, come first.
            os.nice(5)
            # For each process: the memory that it writes to.
            resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))
            if os.geteuid() == 0:
                # Of all processes and threads of this user.
                resource.setrlimit(resource.RLIMIT_NPROC, (SETTINGS["processes"], SETTINGS["processes"]))
                os.setgroups([])
                os.setgid(uid)
                os.setuid(uid)
            os.chdir(folder)

        return prepare

    def user_env(self, env: dict[str, str]) -> dict[str, str]:
        theirs = SETTINGS["environments"][self.user.name]
        return {**env, "USER": self.user.name, "LOGNAME": self.user.name, "HOME": str(self._folder), **theirs}


c = get_config()  # noqa: F821
c.JupyterHub.bind_url = SETTINGS["url"]
c.JupyterHub.hub_bind_url = SETTINGS["hub_url"]
c.JupyterHub.db_url = f"sqlite:///{SETTINGS['folder']}/jupyterhub.sqlite"
c.JupyterHub.cookie_secret_file = f"{SETTINGS['folder']}/cookie_secret"
c.JupyterHub.authenticator_class = HandedOut
c.JupyterHub.spawner_class = OwnUser
c.JupyterHub.concurrent_spawn_limit = 0
c.ConfigurableHTTPProxy.command = SETTINGS["proxy"]
c.ConfigurableHTTPProxy.api_url = SETTINGS["proxy_api_url"]
c.ConfigurableHTTPProxy.pid_file = f"{SETTINGS['folder']}/proxy.pid"
c.Spawner.env_keep.extend(["NO_PROXY", "no_proxy"])
c.Authenticator.allow_all = True
c.Spawner.cmd = [sys.executable, "-m", "jupyterhub.singleuser"]
c.Spawner.default_url = SETTINGS["first_page"]
c.Spawner.start_timeout = LONGEST_WAIT
c.Spawner.http_timeout = LONGEST_START
c.JupyterHub.services = [
    {
        "name": "idle-culler",
        "command": [sys.executable, "-m", "jupyterhub_idle_culler", f"--timeout={SETTINGS['idle']}"],
    }
]
c.JupyterHub.load_roles = [
    {
        "name": "idle-culler",
        "scopes": ["list:users", "read:users:activity", "read:servers", "delete:servers"],
        "services": ["idle-culler"],
    }
]
