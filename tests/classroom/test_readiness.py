"""The readiness check: it tells when answers would be lost, and leaves nothing behind."""

import pytest
import yaml

from llamastack_workshop.classroom import readiness
from llamastack_workshop.classroom.throwaway import on_postgres, throwaway_postgres
from llamastack_workshop.server.throwaway import throwaway_server
from llamastack_workshop.system import paths

ROWS = "SELECT (SELECT count(*) FROM openai_conversations) + (SELECT count(*) FROM llamastack_kvstore)"


@pytest.mark.installs
def test_a_server_is_not_ready_while_its_database_is_down_nor_until_it_restarts() -> None:
    configuration = on_postgres(yaml.safe_load(paths.RUN_YAML.read_text(encoding="utf-8")))
    with throwaway_postgres() as postgres, throwaway_server(configuration, postgres.variables) as server:
        assert readiness.fault(server.base_url, "any") is None
        before = postgres.query(ROWS)
        assert readiness.fault(server.base_url, "any") is None
        assert postgres.query(ROWS) == before
        postgres.stop()
        assert readiness.fault(server.base_url, "any").startswith("502 for POST")
        postgres.start()
        assert readiness.fault(server.base_url, "any") == "500 for a prompt that does not exist"
