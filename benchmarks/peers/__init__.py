"""What else reads a capture: each makes the decoder's columns in the way that its users would write it.

Columns: time, length, MACs, VLAN, ethertype, IP version, protocol, TTL and don't-fragment, ports, TCP window
and flags, payload length, DNS questions. capinfos only counts packets; nfstream gives flows instead. TLS
handshakes, which our decoder finds too, are asked of none.

One module a library, so that one that is not installed is not imported; each has `read(path)`.
"""
