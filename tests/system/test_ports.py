"""Ports: free means that `localhost` reaches the next process that listens there."""

import socket

import pytest

from llamastack_workshop.system import ports
from llamastack_workshop.system.errors import WorkshopError


@pytest.mark.parametrize(("family", "host"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")])
def test_a_port_is_taken_on_either_loopback_address(family: socket.AddressFamily, host: str) -> None:
    port = ports.free_port()
    try:
        listener = socket.create_server((host, port), family=family)
    except OSError:
        pytest.skip("this machine has no IPv6")
    with listener:
        assert not ports.is_free(port)
    assert ports.is_free(port)


@pytest.mark.parametrize(
    ("variable", "host"), [(None, "127.0.0.1"), ("", "127.0.0.1"), ("127.0.0.1", "127.0.0.1"), ("0.0.0.0", "0.0.0.0")]
)
def test_servers_listen_on_loopback_unless_told_otherwise(
    variable: str | None, host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("WORKSHOP_HOST", raising=False)
    if variable is not None:
        monkeypatch.setenv("WORKSHOP_HOST", variable)
    assert ports.listening_host() == host


@pytest.mark.parametrize("address", ["192.168.1.5", "localhost", "::", "all"])
def test_an_address_where_a_start_would_wait_in_vain_is_refused(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKSHOP_HOST", address)
    with pytest.raises(WorkshopError, match=r"Unset it to use 127\.0\.0\.1; .* set 0\.0\.0\.0"):
        ports.listening_host()
