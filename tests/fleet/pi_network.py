"""A fleet on one machine: a router with a web server and an MQTT broker, and Pis that run the real agent.

Each Pi is a network namespace with a link to the router and a second one into which a capture is replayed;
where namespaces are refused, Pis are plain processes that replay the capture themselves. The broker speaks
TLS and knows one password a Pi.
"""

import contextlib
import datetime
import ipaddress
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from brokers import free_port, program
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from edgeprint.rings import place

CLI = [sys.executable, "-c", "from edgeprint.cli import main; main()"]
PATIENCE_S = 240.0  # of a machine that does other things too
CANARY = "pi-canary"
EARLY = next(f"pi-{n}" for n in range(100) if place(f"pi-{n}") < 0.25)
LATE = next(f"pi-{n}" for n in range(100) if place(f"pi-{n}") >= 0.25)
PIS = (CANARY, EARLY, LATE)
RINGS = f"""
[[ring]]
name = "canary"
pis = ["{CANARY}"]
[[ring]]
name = "quarter"
share = 0.25
[[ring]]
name = "all"
share = 1.0
"""


def ip(arguments: str) -> None:
    subprocess.run(["ip", *arguments.split()], check=True, capture_output=True)


def until(fact: Callable[[], object], what: str) -> None:
    end = time.monotonic() + PATIENCE_S
    while not fact():
        assert time.monotonic() < end, f"waited {PATIENCE_S:.0f} s in vain: {what}"
        time.sleep(0.2)


@dataclass
class Network:
    """Namespaces of the router and of each Pi; `inside` is the beginning of a command that runs in one."""

    prefix: str
    separate: bool
    address: str

    def inside(self, name: str) -> list[str]:
        return ["nsenter", f"--net=/run/netns/{self.prefix}{name}"] if self.separate else []

    def cut(self, pi: str) -> None:
        ip(f"-n {self.prefix}router link set v{PIS.index(pi)} down")

    def mend(self, pi: str) -> None:
        ip(f"-n {self.prefix}router link set v{PIS.index(pi)} up")


@contextlib.contextmanager
def network() -> Iterator[Network]:
    prefix = f"fleet{os.getpid()}-"
    try:
        ip(f"netns add {prefix}router")
    except (subprocess.CalledProcessError, OSError):
        yield Network(prefix, False, "127.0.0.1")
        return
    try:
        ip(f"-n {prefix}router link set lo up")
        ip(f"-n {prefix}router link add br0 type bridge")
        ip(f"-n {prefix}router addr add 10.77.0.1/24 dev br0")
        ip(f"-n {prefix}router link set br0 up")
        for number, pi in enumerate(PIS):
            ip(f"netns add {prefix}{pi}")
            ip(f"-n {prefix}{pi} link set lo up")
            ip(f"link add v{number} netns {prefix}router type veth peer name eth0 netns {prefix}{pi}")
            ip(f"-n {prefix}router link set v{number} master br0 up")
            ip(f"-n {prefix}{pi} addr add 10.77.0.{10 + number}/24 dev eth0")
            ip(f"-n {prefix}{pi} link set eth0 up")
            ip(f"-n {prefix}{pi} link add gen0 type veth peer name lan0")
            for end in ("gen0", "lan0"):
                ip(f"-n {prefix}{pi} link set {end} promisc on up")
        yield Network(prefix, True, "10.77.0.1")
    finally:
        for name in ("router", *PIS):
            subprocess.run(["ip", "netns", "del", f"{prefix}{name}"], check=False, capture_output=True)


def certificates(folder: Path, address: str) -> None:
    """An authority's certificate ca.pem, and the broker's own under it."""
    now = datetime.datetime.now(datetime.UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "edgeprint test")])
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    folder.mkdir(parents=True)
    (folder / "ca.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "key.pem").write_bytes(secret)


def broker_config(folder: Path, address: str, port: int) -> Path:
    """TLS, a password for each, and for each Pi its own topics alone."""
    certificates(folder, address)
    for name in (*PIS, "watch"):
        (folder / f"{name}.password").write_text(f"secret of {name}\n")
        flags = ["-b"] if (folder / "passwords").exists() else ["-b", "-c"]
        command = [program("mosquitto_passwd"), *flags, str(folder / "passwords"), name, f"secret of {name}"]
        subprocess.run(command, check=True, capture_output=True)
    acl = "pattern write edgeprint/fleet/%u/#\nuser watch\ntopic read edgeprint/fleet/#\n"
    (folder / "acl").write_text(acl)
    for file in ("acl", "passwords"):
        (folder / file).chmod(0o600)
    lines = [
        "user root",
        f"listener {port} {address}",
        "allow_anonymous false",
        f"password_file {folder}/passwords",
        f"acl_file {folder}/acl",
        f"cafile {folder}/ca.pem",
        f"certfile {folder}/ca.pem",
        f"keyfile {folder}/key.pem",
    ]
    (folder / "mosquitto.conf").write_text("\n".join([*lines, ""]))
    return folder / "mosquitto.conf"


@dataclass
class Running:
    """The processes of a fleet by name, and where each keeps its files."""

    folder: Path
    net: Network
    web_port: int
    mqtt_port: int
    capture: Path
    mac: str
    processes: dict[str, subprocess.Popen] = field(default_factory=dict)

    def start(self, name: str, where: str, command: list[str]) -> None:
        with (self.folder / f"{name}.log").open("a") as log:
            begun = [*self.net.inside(where), *command]
            self.processes[name] = subprocess.Popen(begun, stdout=log, stderr=log, stdin=subprocess.DEVNULL)

    def end(self, name: str, number: int = signal.SIGKILL) -> None:
        process = self.processes.pop(name)
        process.send_signal(number)
        process.wait()

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text()

    def standing(self, pi: str) -> dict:
        try:
            return json.loads((self.folder / pi / "standing.json").read_bytes())
        except OSError:
            return {}

    def web(self) -> None:
        at = ["-m", "http.server", str(self.web_port), "--bind", self.net.address]
        self.start("web", "router", [sys.executable, *at, "--directory", str(self.folder / "public")])

    def broker(self) -> None:
        config = broker_config(self.folder / "broker", self.net.address, self.mqtt_port)
        self.start("mosquitto", "router", [program("mosquitto"), "-c", str(config)])

    def watch(self) -> None:
        # A loaded machine loses packets, of which a Pi complains: that is no matter of these stories.
        options = "--every-seconds 0.5 --soak-hours 0 --patience-hours 1 --unwell 1"
        options += f" --picture {self.folder}/rings.svg"
        self.start("watch", "router", [*self.fleet_command("watch"), *options.split()])

    def fleet_command(self, command: str) -> list[str]:
        broker = ["--broker", f"mqtts://watch@{self.net.address}:{self.mqtt_port}"]
        broker += ["--broker-password-file", f"{self.folder}/broker/watch.password"]
        broker += ["--broker-ca", f"{self.folder}/broker/ca.pem"]
        keys = ["--online", f"{self.folder}/online"] if command == "watch" else []
        return [*CLI, "fleet", command, f"{self.folder}/public", *keys, *broker]

    def pi(self, pi: str) -> None:
        """The real agent, and the traffic that it watches."""
        inventory = self.folder / "devices.csv"
        inventory.write_text(f"mac,device,category,iot\n{self.mac},camera,camera,1\n")
        source = ["--source", "live:lan0"]
        if self.net.separate:
            loop = ["tcpreplay", "-q", "-i", "gen0", "--loop=0", "--pps=40", str(self.capture)]
            self.start(f"traffic of {pi}", pi, loop)
        else:
            source = ["--source", f"file:{self.capture}", "--speed", "1"]
        options = ["--repository", f"http://{self.net.address}:{self.web_port}"]
        options += ["--root", f"{self.folder}/public/metadata/1.root.json", "--inventory", str(inventory)]
        options += ["--state", f"{self.folder}/{pi}", "--pi", pi, "--check-minutes", "0.03"]
        options += ["--probation-ticks", "4"]
        options += ["--fleet", f"mqtts://{pi}@{self.net.address}:{self.mqtt_port}"]
        options += ["--fleet-password-file", f"{self.folder}/broker/{pi}.password"]
        options += ["--fleet-ca", f"{self.folder}/broker/ca.pem"]
        self.start(pi, pi, [*CLI, "agent", *source, *options])

    def close(self) -> None:
        for name in list(self.processes):
            self.end(name)


@contextlib.contextmanager
def running(folder: Path, capture: Path, mac: str) -> Iterator[Running]:
    """Router, broker, web server and watch; the Pis are started by the story. Skips where a program lacks."""
    for name in ("mosquitto", "mosquitto_passwd"):
        program(name)
    with network() as net:
        if net.separate and not shutil.which("tcpreplay"):
            pytest.skip("needs tcpreplay, of Debian's package of that name")
        found = Running(folder, net, free_port(), free_port(), capture, mac)
        try:
            yield found
        finally:
            found.close()


def speak(address: str, port: str, folder: str, name: str, topic: str, payload: str) -> None:
    """Publish something as that Pi, in a process of its own inside the Pi's network."""
    client = Client(CallbackAPIVersion.VERSION2)
    client.tls_set(f"{folder}/broker/ca.pem")
    client.username_pw_set(name, f"secret of {name}")
    client.connect(address, int(port))
    client.loop_start()
    client.publish(topic, payload, qos=1, retain=True).wait_for_publish(30)
    client.disconnect()
