"""Ports: free means that `localhost` leads to whoever listens there next."""

import socket

import pytest

from llamastack_workshop.system import ports


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
