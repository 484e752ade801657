"""Which addresses belong to the open Internet: where we may be sent by whoever names an address.

Who may name an address may not thereby make us reach what only we can. A name is judged by every
address that it has; who looks it up connects to just those that were judged here.
"""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

Address = IPv4Address | IPv6Address
#: What another network's addresses are hidden in (NAT64, 6to4, Teredo).
_TUNNELS = tuple(map(ip_network, ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32")))


def plain_address(text: str) -> Address:
    """An address as the system writes it, without its zone; one of IPv4 in IPv6 is of IPv4.

    Raises:
        ValueError: It is none.
    """
    address = ip_address(text.partition("%")[0])
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def is_public(address: Address) -> bool:
    """Whether anyone on the Internet can reach it, and it alone."""
    tunnelled = any(address in network for network in _TUNNELS)
    return address.is_global and not address.is_multicast and not tunnelled
