"""A router and Pis as network namespaces, each Pi behind a wire of its own on the router's bridge."""

from __future__ import annotations

import contextlib
import os
import subprocess

ROUTER = "10.77.0.1"
PREFIX = f"ep{os.getpid()}"


def address(number: int) -> str:
    """Of the Pi of that number, from 1."""
    return f"10.77.0.{10 + number}"


def inside(name: str) -> list[str]:
    """What puts a command into a namespace; `ip netns exec` changes mounts, which breaks container tools."""
    return ["nsenter", f"--net=/run/netns/{PREFIX}-{name}"]


def ip(arguments: str) -> None:
    subprocess.run(["ip", *arguments.split()], check=True)


def laid(count: int, ends: contextlib.ExitStack) -> None:
    """Namespaces with the router's bridge between them, until the end."""

    def add(name: str) -> None:
        ip(f"netns add {PREFIX}-{name}")
        ends.callback(ip, f"netns del {PREFIX}-{name}")
        ip(f"-n {PREFIX}-{name} link set lo up")

    add("router")
    ip(f"-n {PREFIX}-router link add br0 type bridge")
    ip(f"-n {PREFIX}-router addr add {ROUTER}/24 dev br0")
    ip(f"-n {PREFIX}-router link set br0 up")
    for i in range(1, count + 1):
        add(f"pi{i}")
        ip(f"link add v{i} netns {PREFIX}-router type veth peer name eth0 netns {PREFIX}-pi{i}")
        ip(f"-n {PREFIX}-router link set v{i} master br0 up")
        ip(f"-n {PREFIX}-pi{i} addr add {address(i)}/24 dev eth0")
        ip(f"-n {PREFIX}-pi{i} link set eth0 up")
