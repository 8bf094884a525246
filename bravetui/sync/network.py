"""Whether this laptop's way out has changed: asked of the routing table, so that nothing is sent and no radio wakes."""

from __future__ import annotations

import socket

_ELSEWHERE = ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1"))
"""Addresses that no one has (RFC 5737, RFC 3849): the way to them is the way to anywhere."""

_DISCARD_PORT = 9


def way_out() -> tuple[str, ...]:
    """The addresses that this laptop would send from, if any. Connecting a datagram socket sends nothing."""
    found = []
    for family, address in _ELSEWHERE:
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as probe:
                probe.connect((address, _DISCARD_PORT))
                found.append(str(probe.getsockname()[0]))
        except OSError:
            continue  # no way to that family of addresses
    return tuple(found)
