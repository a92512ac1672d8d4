"""Where `editrefiner serve` can listen, and how it says where it cannot."""

import socket

import pytest

from suite.serve import AddressUnusableError, ServeSettings, require_free


def has_ipv6() -> bool:
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


needs_ipv6 = pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6 loopback")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "0.0.0.0", ""])
def test_an_address_of_this_machine_can_be_had(host):
    require_free(ServeSettings(host=host, port=0))


@needs_ipv6
@pytest.mark.parametrize("host", ["::1", "::"])
def test_an_ipv6_address_of_this_machine_can_be_had(host):
    require_free(ServeSettings(host=host, port=0))


@needs_ipv6
def test_an_ipv6_port_that_is_taken_is_named_as_in_a_url():
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as other:
        port = other.getsockname()[1]
        with pytest.raises(AddressUnusableError) as refused:
            require_free(ServeSettings(host="::1", port=port))

    assert refused.value.detail.startswith(f"[::1]:{port} cannot be listened on: Address already in use.")


@pytest.mark.parametrize("host", ["256.1.1.1.invalid", "192.0.2.1", "2001:db8::1", "a" * 64, "a..b"])
def test_what_is_no_address_of_this_machine_is_refused_in_a_sentence(host):
    with pytest.raises(AddressUnusableError, match="Choose another with --port or --host"):
        require_free(ServeSettings(host=host, port=0))
