"""Where the server may connect to for a model: public addresses, unless the operator names others.

A tenant writes the address of a provider. It must not reach the server's own network: a name is resolved, refused if
any of its addresses is not public, and then connected to by that very address, so that a second answer of the name
server changes nothing. Redirects are not followed, and no proxy of the environment is used.
"""

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import Iterable
from typing import Any

import httpx2
from cachetools import LRUCache

from dakora_server.core.run_exceptions import ProviderAddressRefused

_MOST_HOSTS = 256
_SIXTOFOUR, _NAT64 = ipaddress.ip_network("2002::/16"), ipaddress.ip_network("64:ff9b::/96")
_HTTPS_ONLY = "The address of a provider must begin with https://."
_PRIVATE = "The address of the provider is not public, and the operator has not allowed it."


class AddressRefusedError(httpx2.ConnectError):
    """The name leads to an address that we do not connect to."""


def is_public(address: str) -> bool:
    """Whether an IP address belongs to the public internet, whatever it is wrapped in."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped is not None:
            ip = ip.ipv4_mapped
        elif ip in _SIXTOFOUR and ip.sixtofour is not None:
            ip = ip.sixtofour
        elif ip in _NAT64:
            ip = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        elif ip.teredo is not None:
            return False
    return ip.is_global and not ip.is_multicast


class Egress:
    """The way out. `private_hosts` may be reached at any address, also without TLS; None: every host may."""

    def __init__(self, private_hosts: Iterable[str] | None) -> None:
        self._private = None if private_hosts is None else frozenset(host.lower() for host in private_hosts)

    def allows_anything(self, host: str) -> bool:
        """Whether this host may be reached wherever it is."""
        return self._private is None or host.lower().rstrip(".") in self._private

    def check(self, url: str) -> str:
        """The address as we keep it, if it could be connected to at all. Raises ProviderAddressRefused."""
        try:
            # Read by the parser that will also connect, so that the two cannot differ about the host.
            parts = httpx2.URL(url)
        except httpx2.InvalidURL:
            raise ProviderAddressRefused("The address of the provider cannot be read.") from None
        if parts.scheme not in {"http", "https"} or not parts.host or parts.userinfo or parts.query or parts.fragment:
            raise ProviderAddressRefused(
                "The address of a provider is a plain one: https://, a host, and perhaps a port and a path."
            )
        if not self.allows_anything(parts.host):
            if parts.scheme != "https":
                raise ProviderAddressRefused(_HTTPS_ONLY)
            try:
                literal = is_public(parts.host)
            except ValueError:
                literal = not _may_be_number(parts.host)
            if not literal or parts.host.rstrip(".").lower() == "localhost":
                raise ProviderAddressRefused(_PRIVATE)
        return str(parts).rstrip("/")

    def client(self, *, connect_seconds: float) -> httpx2.AsyncClient:
        """The HTTP client for every provider; how long a call takes is the caller's to limit."""
        return httpx2.AsyncClient(
            transport=_Walled(self),
            timeout=httpx2.Timeout(None, connect=connect_seconds),
            follow_redirects=False,
            trust_env=False,
        )


def _may_be_number(host: str) -> bool:
    """Whether a resolver may read the host as an IPv4 address in another spelling: `2130706433`, `0x7f.1`."""
    last = host.rstrip(".").rpartition(".")[2].lower()
    return last.isdigit() or last.startswith("0x")


class _Walled(httpx2.AsyncBaseTransport):
    """A pool of connections for each host, so that one made for a name is never used for another at its address."""

    def __init__(self, egress: Egress) -> None:
        self._egress = egress
        self._pools: LRUCache[tuple[str, str, int | None], httpx2.AsyncHTTPTransport] = LRUCache(_MOST_HOSTS)
        # Loading the certificates takes 20 ms: once.
        self._tls = ssl.create_default_context()

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Connect to the request's host at an address that was looked at, and send."""
        url = request.url
        pool = self._pool((url.scheme, url.host, url.port))
        if self._egress.allows_anything(url.host):
            return await pool.handle_async_request(request)
        if url.scheme != "https":
            raise AddressRefusedError(_HTTPS_ONLY)
        addresses = await _addresses(url.host, url.port or 443)
        if not addresses or not all(is_public(address) for address in addresses):
            raise AddressRefusedError(_PRIVATE)
        for number, address in enumerate(addresses, start=1):
            try:
                return await pool.handle_async_request(_pinned(request, address))
            except httpx2.ConnectError:
                if number == len(addresses):
                    raise
        raise AddressRefusedError(_PRIVATE)

    async def aclose(self) -> None:
        """Close every connection."""
        for pool in list(self._pools.values()):
            await pool.aclose()

    def _pool(self, key: tuple[str, str, int | None]) -> httpx2.AsyncHTTPTransport:
        pool = self._pools.get(key)
        if pool is None:
            pool = self._pools[key] = httpx2.AsyncHTTPTransport(verify=self._tls, trust_env=False)
        return pool


async def _addresses(host: str, port: int) -> list[str]:
    """Every address of a host, in the order to try them. Raises httpx2.ConnectError for a name that has none."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise httpx2.ConnectError("the name of the provider's host is not known") from None
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def _pinned(request: httpx2.Request, address: str) -> httpx2.Request:
    """The same request to that very address; the certificate is still the name's."""
    extensions: dict[str, Any] = {**request.extensions, "sni_hostname": request.url.host}
    return httpx2.Request(
        request.method,
        request.url.copy_with(host=address),
        headers=request.headers,
        stream=request.stream,
        extensions=extensions,
    )
