"""Draw the pictures of features.md from real captures: python docs/draw_features.py

The captures belong to others and lie beside the project; only the pictures are kept. Each picture names its
capture and device. Blue is what the device sends, orange what it receives, black both together.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from edgeprint.binary import features as spectrogram
from edgeprint.cclp import features as windows
from edgeprint.lstm_cnn import features as segments
from edgeprint.packets.decode import decode
from edgeprint.packets.inventory import Device, Inventory, mac_number
from edgeprint.packets.table import DevicePackets

DOCS = Path(__file__).resolve().parent
DATA = DOCS.parents[1] / "shared" / "data"
SENT, RECEIVED, BOTH, PALE = "#1f5fa8", "#d9730d", "#222222", "#b8b8b8"
WINDOW_NS = 30 * 60 * 10**9
QUIET_WINDOW = 50  # of the week: the rhythm changes twice in it
FIRST_SEGMENT, SEGMENTS = 294, 24  # of the same days
FIRST_FRAME, WIDTH = 60, 60  # a sample: the first of its frames, and how many
FRAME = 8  # of the sample, shown in full
QUIET = ("fit-week/lockly-hub-01.pcap", "lockly-hub-01")
BRIDGE = ("ucl-quarters/latency__philips-hue__base-firewall__lan.pcap", "philips-hue")
SIFELY = ("fit-week/sifely-hub-01.pcap", "sifely-hub-01")
HUB = ("ucl-quarters/latency__smartthings-hub__base-firewall__lan.pcap", "smartthings-hub")

plt.rc("font", size=10)
plt.rc("axes", titlesize=10.5, titlelocation="left")
plt.rc("axes.spines", top=False, right=False)
plt.rc("figure", dpi=110)
plt.rc("figure.constrained_layout", use=True)


def packets_of(capture: str, device: str) -> DevicePackets:
    """One device's packets, by the MAC that captures.csv names."""
    with (DATA / "captures.csv").open(newline="") as file:
        (mac,) = {r["mac"] for r in csv.DictReader(file) if (r["path"], r["device"]) == (capture, device)}
    inventory = Inventory({device: Device(device, "", True, frozenset({mac_number(mac)}))})
    return inventory.split(decode(DATA / capture)[0])[device]


def window_of(packets: DevicePackets, number: int) -> tuple[DevicePackets, dict[str, float]]:
    """The packets of the n-th window, and its 219 features by name."""
    start_ns, values = windows.extract(packets)
    rows = packets.table.time_ns // WINDOW_NS * WINDOW_NS == start_ns[number]
    chosen = DevicePackets(packets.device, packets.table.select(rows), packets.sent[rows])
    return chosen, dict(zip(windows.SCHEMA.names, values[number].tolist(), strict=True))


def minutes(packets: DevicePackets) -> np.ndarray:
    """Since the beginning of the window."""
    return packets.table.time_ns % WINDOW_NS / 60e9


def titled(figure: Figure, source: tuple[str, str], text: str) -> None:
    """Where the picture comes from, above it."""
    capture, device = source
    figure.suptitle(
        f"{text}\n{capture.rsplit('/')[0]}, real capture: {device}", x=0.01, ha="left", fontsize=11
    )


def save(figure: Figure, name: str) -> None:
    path = DOCS / f"features-{name}.png"
    figure.savefig(path, pil_kwargs={"optimize": True})
    plt.close(figure)
    print(f"{path.name}: {path.stat().st_size / 1000:.0f} kB")


def time_intervals() -> None:
    window, found = window_of(packets_of(*QUIET), QUIET_WINDOW)
    seconds = np.diff(window.table.time_ns) / 1e9
    figure, (series, bins) = plt.subplots(1, 2, figsize=(8.6, 3.5), width_ratios=[3, 2])
    series.plot(np.arange(1, len(seconds) + 1), seconds, color=BOTH, lw=0.6, marker="o", ms=2)
    series.set(xlabel="number of the interval in the window", ylabel="time since the last packet (s)")
    values = {name: found[f"interval_both_{name}"] for name in ("min", "q1", "median", "q3", "max", "mean")}
    lines = [f"{name} {value:.3g} s" for name, value in values.items()]
    series.text(0.3, 0.98, "\n".join(lines), transform=series.transAxes, va="top", fontsize=9)
    counts, edges = np.histogram(seconds, 10)
    bins.bar(edges[:-1], counts, np.diff(edges), align="edge", color=PALE, edgecolor="white")
    bins.bar_label(bins.containers[0], fontsize=8)
    bins.set(xlabel="interval (s), ten bins from min to max", ylabel="intervals in the bin")
    bins.set_title(f"entropy of the ten counts: {found['interval_both_entropy']:.2f}")
    titled(figure, QUIET, "Time between packets that follow each other, sent or received, in one window")
    save(figure, "intervals")


def stationarity() -> None:
    window, found = window_of(packets_of(*SIFELY), 0)
    seconds = np.diff(window.table.time_ns) / 1e9
    figure, axes = plt.subplots(1, 2, figsize=(8.6, 3.0))
    texts = ("intervals: a wandering level is not ruled out", "first difference: stationary")
    for difference, (axis, text) in enumerate(zip(axes, texts, strict=True)):
        axis.plot(np.diff(seconds, difference), color=BOTH, lw=0.8)
        test = [
            found[f"interval_both_adf_d{difference}_{name}"] for name in ("statistic", "pvalue", "critical_5")
        ]
        axis.set_title(f"{text}\nADF {test[0]:.2f} (5 % level {test[2]:.2f}), p-value {test[1]:.2g}")
        axis.set(xlabel="number of the interval", ylabel=("interval (s)", "change (s)")[difference])
    titled(figure, SIFELY, "Is the series stationary? The intervals of one window, and their differences")
    save(figure, "stationarity")


def volume() -> None:
    window, found = window_of(packets_of(*BRIDGE), 0)
    figure, axes = plt.subplots(1, 2, figsize=(8.6, 3.4), width_ratios=[3, 2], sharey=True)
    for sent, colour, name in ((True, SENT, "out"), (False, RECEIVED, "in")):
        chosen = window.sent == sent
        length = window.table.wire_len[chosen]
        axes[0].plot(minutes(window)[chosen], length, ".", color=colour, ms=2)
        axes[1].plot(np.linspace(0, 100, len(length)), np.sort(length), color=colour)
        axes[1].annotate(
            f"{name}: {found[f'packets_{name}']:,.0f} packets\n{found[f'bytes_{name}'] / 1000:,.0f} kB, "
            f"{found[f'flow_rate_{name}']:,.0f} bytes/s\nmedian {found[f'length_{name}_median']:.0f} bytes",
            (0.05, 0.97 if sent else 0.67), xycoords="axes fraction", va="top", color=colour, fontsize=9,
        )  # fmt: skip
    axes[0].set(xlabel="time in the window (min)", ylabel="length on the wire (bytes)")
    axes[0].xaxis.set_major_locator(MaxNLocator(integer=True))
    axes[1].set(xlabel="share of the packets that are shorter")
    axes[1].xaxis.set_major_formatter(PercentFormatter(decimals=0))
    titled(figure, BRIDGE, "Packet lengths of one window: sent (blue, out) and received (orange, in)")
    save(figure, "volume")


def bars(axis: Axes, counts: dict[str, float], colour: str) -> None:
    """Horizontal bars from the top, each with its count."""
    drawn = axis.barh(list(counts), list(counts.values()), color=colour)
    axis.bar_label(drawn, fmt="{:,.0f}", padding=3, fontsize=9)
    axis.invert_yaxis()
    axis.spines["bottom"].set_visible(False)
    axis.tick_params(length=0)
    axis.set_xticks([])
    axis.margins(x=0.2)


def protocols() -> None:
    window, found = window_of(packets_of(*BRIDGE), 0)
    figure, axes = plt.subplots(1, 3, figsize=(10.2, 3.6))
    kinds = ("ipv4", "ipv6", "tcp", "udp", "icmp", "ntp", "dns", "dhcp")
    bars(axes[0], {kind.upper(): found[f"{kind}_packets"] for kind in kinds}, PALE)
    axes[0].set_title("packets by protocol")
    ranges = ("0_500", "501_1023", "1024_49151", "49152_65535")
    ends = {"src": "from", "dst": "to"}
    ports = {f"{ends[end]} {r.replace('_', '-')}": found[f"{end}_ports_{r}"] for end in ends for r in ranges}
    bars(axes[1], ports, PALE)
    axes[1].set_title("packets by port")
    dns = window.table.dns
    asked, counts = np.unique(
        dns.name[~dns.response & window.sent[dns.packet]].astype(str), return_counts=True
    )
    top = np.argsort(-counts, kind="stable")[:10]
    bars(axes[2], {shortened(asked[n]): float(counts[n]) for n in top}, SENT)
    axes[2].set_title(f"names asked for, entropy {found['dns_name_entropy']:.2f}")
    text = (
        f"TTL {found['ttl_min']:.0f} to {found['ttl_max']:.0f}, don't fragment set in {found['df_ratio']:.0%}"
    )
    titled(figure, BRIDGE, f"Protocols, ports and names of one window; {text}")
    save(figure, "protocols")


def shortened(name: str, longest: int = 26) -> str:
    return name if len(name) <= longest else f"{name[: longest - 1]}…"


def handshakes() -> None:
    window, found = window_of(packets_of(*BRIDGE), 0)
    tls = window.table.handshakes
    mine = np.isin(tls.client, np.unique(window.table.src[window.sent]))
    mine &= tls.client_ns // WINDOW_NS == window.table.time_ns[0] // WINDOW_NS
    start, certificate, exchange = (t[mine] for t in (tls.start_ns, tls.server_ns, tls.client_ns))
    reaction = (exchange - certificate) / 1e6
    figure, (one, all_) = plt.subplots(1, 2, figsize=(8.6, 3.5))
    middle = np.argsort(reaction)[len(reaction) // 2]
    one_handshake(one, [(t[middle] - start[middle]) / 1e6 for t in (start, certificate, exchange)])
    all_.plot(certificate % WINDOW_NS / 60e9, reaction, "o", color=SENT, ms=4)
    for name in ("q1", "median", "q3"):
        value = found[f"tls_reaction_{name}"] * 1000
        all_.axhline(value, color=PALE, lw=0.8, zorder=0)
        all_.annotate(f"{name} {value:.0f}", (1.0, value), xycoords=all_.get_yaxis_transform(), fontsize=9)
    all_.set(xlabel="time in the window (min)", ylabel="t2 − t1 (ms)", ylim=(0, None))
    all_.set_title(f"the {found['tls_handshakes']:.0f} handshakes of the window")
    titled(figure, BRIDGE, "How long the device takes to answer a server's certificate")
    save(figure, "tls")


def one_handshake(axis: Axes, at_ms: list[float]) -> None:
    """Three packets between two lines, device above server; `at_ms` since the first."""
    device, server = 1.0, 0.0
    names = ("ClientHello", "t1: certificate", "t2: key exchange")
    for at, name, sent in zip(at_ms, names, (True, False, True), strict=True):
        begin, end, colour = (device, server, SENT) if sent else (server, device, RECEIVED)
        axis.annotate("", (at, end), (at, begin), arrowprops={"arrowstyle": "->", "color": colour, "lw": 1.5})
        beside = {"rotation": 90, "ha": "right"} if at == 0 else {"ha": "left"}
        axis.text(at, 0.5, f" {name} ", color=colour, fontsize=9, va="center", **beside)
    axis.annotate("", (at_ms[2], 1.12), (at_ms[1], 1.12), arrowprops={"arrowstyle": "<->"})
    axis.text(sum(at_ms[1:]) / 2, 1.17, f"t2 − t1 = {at_ms[2] - at_ms[1]:.0f} ms", ha="center", fontsize=9)
    axis.set(yticks=[device, server], yticklabels=["device", "server"], ylim=(-0.15, 1.35))
    axis.set(xlabel="time since the ClientHello (ms)", xlim=(-at_ms[2] * 0.12, at_ms[2] * 1.5))
    axis.set_title("one handshake")


def segment_features() -> None:
    packets = packets_of(*QUIET)
    names = ["user_packets", "control_packets", "user_length_mean", "control_length_mean"]
    _, values = segments.extract(packets, segment_minutes=5, columns=names)
    shown = values[FIRST_SEGMENT : FIRST_SEGMENT + SEGMENTS]
    figure, axes = plt.subplots(2, 1, figsize=(8.6, 4.6), sharex=True)
    number = np.arange(1, SEGMENTS + 1)
    for axis, column, label in ((axes[0], 0, "packets"), (axes[1], 2, "mean length (bytes)")):
        axis.bar(number - 0.21, shown[:, column], 0.4, color=BOTH)
        axis.bar(number + 0.21, shown[:, column + 1], 0.4, color=PALE)
        axis.set_ylabel(label)
    highest = shown[:, :2].max()
    for window, first in enumerate((1, 4, 7)):
        height = highest * (1.12 + 0.16 * window)
        axes[0].plot([first - 0.45, first + 5.45], [height, height], color=SENT, lw=2)
        axes[0].text(first + 5.6, height, f"window {window + 1}", color=SENT, va="center", fontsize=9)
    axes[0].text(SEGMENTS + 0.5, highest * 1.3, "user packets (black)", ha="right", fontsize=9)
    axes[0].text(
        SEGMENTS + 0.5, highest * 1.12, "control packets (grey)", ha="right", fontsize=9, color="#777777"
    )
    axes[1].set_xlabel("number of the segment (5 minutes each)")
    axes[1].set_xlim(0.2, SEGMENTS + 0.8)
    axes[1].set_xticks(number[2::3])
    titled(
        figure, QUIET, "Segments of 5 minutes; six of them make a window, which shares three with the next"
    )
    save(figure, "segments")


def binary_spectrogram() -> None:
    packets, spec = packets_of(*HUB), spectrogram.SpectrogramSpec()
    start_ns, columns = spectrogram.extract(packets, spec)
    figure, (frame, image) = plt.subplots(1, 2, figsize=(9.4, 3.8), width_ratios=[2, 3])
    bins = (packets.table.time_ns - start_ns[FIRST_FRAME + FRAME]) // spec.bin_ns
    inside = (bins >= 0) & (bins < 2 * spec.height)
    signal = np.bincount(bins[inside], packets.signed_size[inside], 2 * spec.height)
    time = np.arange(2 * spec.height) * spec.bin_seconds
    frame.bar(time, signal, 1.5 * spec.bin_seconds, color=np.where(signal > 0, SENT, RECEIVED))
    frame.set(xlabel="time in the frame (s)", ylabel="sent less received in 0.1 s (bytes)")
    frame.set_title(f"frame {FRAME}: 150 bins of 0.1 s")
    sample = np.log10(1 + columns[FIRST_FRAME : FIRST_FRAME + WIDTH].T)
    half = 0.25 / (spec.height * spec.bin_seconds)  # of the distance between two frequencies
    extent = (-0.5, WIDTH - 0.5, -half, 5 - half)
    drawn = image.imshow(sample, aspect="auto", origin="lower", extent=extent, cmap="Greys")
    arrow = {"arrowstyle": "-|>", "color": SENT}
    label = image.annotate(
        f"frame {FRAME}", (FRAME, 4.95), (FRAME, 5.4), ha="center", color=SENT, arrowprops=arrow
    )
    label.set_annotation_clip(False)
    image.set(xlabel="number of the frame; each begins 7.5 s after the last", ylabel="frequency (Hz)")
    figure.colorbar(drawn, label="log10(1 + amplitude in bytes)")
    titled(figure, HUB, "From signed packet sizes to the columns of a spectrogram")
    save(figure, "spectrogram")


if __name__ == "__main__":
    if not DATA.is_dir():
        sys.exit(f"the captures that are drawn are not at hand: {DATA} is missing")
    for draw in (
        time_intervals,
        stationarity,
        volume,
        protocols,
        handshakes,
        segment_features,
        binary_spectrogram,
    ):
        draw()
