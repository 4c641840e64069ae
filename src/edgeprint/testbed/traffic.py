"""What a device is there for: keep-alives, reports, media, datagrams, a person's browsing.

Each activity puts a whole session (the time between two reboots) on the tape at once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeprint.packets.table import UDP
from edgeprint.testbed.chores import CHORES, announce, boot
from edgeprint.testbed.frames import LONGEST, record_at
from edgeprint.testbed.host import Host
from edgeprint.testbed.profiles import Announce, Beat, Datagram, Profile, Report, Server, Stream, Web
from edgeprint.testbed.schedule import events, ticks
from edgeprint.testbed.tape import Tape
from edgeprint.testbed.tcp import close, send

DOWNTIME = 40.0  # seconds of a reboot
SETTLED = 900.0  # seconds from which on a device may reboot


def day(tape: Tape, number: int, profile: Profile, begin: float, end: float, *, booting: bool) -> None:
    """Put a device's day on the tape, from `begin` to `end` in seconds since midnight; `booting`: cold."""
    host = Host(number, profile, tape)
    rng, settled = tape.rng, min(begin + SETTLED, end)
    count = rng.poisson((end - settled) / 86400 * profile.reboots)
    reboots = np.sort(rng.uniform(settled, end, count))
    starts = [begin + rng.uniform(0, 45 if booting else 8), *(reboots + DOWNTIME)]
    ends = [*reboots, end]
    for session, (start, stop) in enumerate(zip(starts, ends, strict=True)):
        if stop > start + 60:
            tape.until = stop
            live(host, boot(host, start) if booting or session else start, stop)


def live(host: Host, begin: float, end: float) -> None:
    """All activities of one session."""
    for chore in CHORES:
        chore(host, begin, end)
    for activity in host.profile.activities:
        DOES[type(activity)](host, activity, begin, end)


def exchange(host: Host, server: Server, time: NDArray, flow: NDArray, up: NDArray, down: NDArray) -> NDArray:
    """Requests of `up` [n] bytes and answers of `down` [n] on open connections; when each is over [n]."""
    rtt = server.rtt_ms / 1e3
    acked = rtt if np.any(up > LONGEST) else None
    end = send(host.tape, time, flow, up, up=True, gap=0.0006, ack_after=acked)
    thinking = rtt * (1.02 + host.rng.gamma(1.5, 0.04, len(time))) + host.rng.gamma(2, 0.004, len(time))
    ack_after = host.profile.wifi_ms / 1e3
    return send(host.tape, end + thinking, flow, down, up=False, gap=0.0004, ack_after=ack_after) + ack_after


def beat(host: Host, beat: Beat, begin: float, end: float) -> None:
    """Connections one after the other, each alive for some hours, with a keep-alive every period."""
    rng, hours = host.rng, beat.hours * 3600
    starts = np.sort(np.append(ticks(rng, begin + 60, end - 60, hours, 0.3), begin + rng.uniform(0.5, 6)))
    flow, ready = host.dial(beat.server, starts)
    over = np.append(starts[1:] - 2.5, end)
    periods = rng.choice(beat.periods, len(starts))
    lives = [ticks(rng, *life, beat.jitter) for life in zip(ready, over - 1, periods, strict=True)]
    which, time = np.repeat(np.arange(len(starts)), [len(life) for life in lives]), np.concatenate(lives)
    offset = rng.normal(0, beat.wander, len(starts))[which]
    up, down = host.normal(beat.up, len(time)) + offset, host.normal(beat.down, len(time)) + offset
    exchange(host, beat.server, time, flow[which], up, down)
    done = over[:-1] > ready[:-1] + 0.5
    close(host.tape, over[:-1][done], flow[:-1][done], beat.server.rtt_ms / 1e3)


def report(host: Host, report: Report, begin: float, end: float) -> None:
    time = ticks(host.rng, begin, end, report.period, report.jitter)
    if len(time):
        flow, ready = host.dial(report.server, time)
        up, down = host.normal(report.up, len(time)), host.normal(report.down, len(time))
        over = exchange(host, report.server, ready, flow, up, down)
        close(host.tape, over + 0.02, flow, report.server.rtt_ms / 1e3)


def stream(host: Host, stream: Stream, begin: float, end: float) -> None:
    """Connections full of frames or chunks, of random length, by day and by night."""
    time = events(host.rng, begin, end, stream.per_hour, stream.night)
    if not len(time):
        return
    flow, ready = host.dial(stream.server, time)
    ready = exchange(host, stream.server, ready, flow, np.full(len(time), 380.0), np.full(len(time), 420.0))
    count = np.maximum(1, host.lognormal(stream.seconds, len(time)) * stream.rate).astype("i8")
    which = np.repeat(np.arange(len(time)), count)
    step = np.arange(len(which)) - np.repeat(np.cumsum(count) - count, count)
    at = ready[which] + (step + host.rng.uniform(0, 0.3, len(step))) / stream.rate
    size = host.lognormal(stream.size, len(which)) * np.where(stream.up & (step % 30 == 0), 4, 1)
    acked = stream.server.rtt_ms / 1e3 if stream.up else host.profile.wifi_ms / 1e3
    over = send(host.tape, at, flow[which], size, up=stream.up, gap=0.0009, ack_after=acked)
    last = np.zeros(len(time))
    np.maximum.at(last, which, over)
    close(host.tape, last + 0.4, flow, stream.server.rtt_ms / 1e3)


def datagram(host: Host, datagram: Datagram, begin: float, end: float) -> None:
    time = ticks(host.rng, begin, end, datagram.period, datagram.jitter)
    flow = host.open(host.server(datagram.server.name), UDP, 1, datagram.server.port)
    fill = record_at(np.array(LONGEST)) + 6
    delay = datagram.server.rtt_ms / 1e3 * (1 + host.rng.gamma(1.5, 0.04, len(time)))
    for at, spread, up in ((time, datagram.up, True), (time + delay, datagram.down, False)):
        length = np.clip(host.normal(spread, len(time)), 12, 1200).astype("i8")
        host.tape.add(at, flow, up, tail=fill, length=length, whole=False)


def web(host: Host, web: Web, begin: float, end: float) -> None:
    """Visits of several pages; each page opens connections to servers drawn at random."""
    rng = host.rng
    visits = events(rng, begin, end, web.per_hour, web.night)
    pages = np.repeat(visits, rng.geometric(1 / web.pages, len(visits)))
    pages = pages + rng.gamma(1.5, 40, len(pages))
    opened = np.repeat(pages, 1 + rng.poisson(web.connections, len(pages)))
    opened = np.sort(opened + rng.gamma(1.2, 0.5, len(opened)))
    chosen = rng.integers(0, len(web.servers), len(opened))
    for index, server in enumerate(web.servers):
        time = opened[chosen == index]
        if len(time):
            _fetch(host, web, server, time)


def _fetch(host: Host, web: Web, server: Server, time: NDArray) -> None:
    """One to several requests on each of n connections."""
    flow, ready = host.dial(server, time)
    asks = host.rng.geometric(0.5, len(time))
    for turn in range(int(asks.max())):
        still = asks > turn
        n = int(still.sum())
        up, down = host.normal(web.up, n), np.minimum(host.lognormal(web.size, n), 400_000)
        over = exchange(host, server, ready[still], flow[still], up, down)
        ready[still] = over + host.rng.gamma(1.2, 0.6, n)
    close(host.tape, ready + host.rng.uniform(0.5, 15, len(time)), flow, server.rtt_ms / 1e3)


DOES: dict[type, Callable[[Host, Any, float, float], None]] = {
    Beat: beat,
    Report: report,
    Stream: stream,
    Datagram: datagram,
    Web: web,
    Announce: announce,
}
