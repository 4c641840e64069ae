"""Conversations over TCP by columns: many connections of the same kind at once.

    ready = connect(tape, start, flow, handshake)
    end = send(tape, ready, flow, size, up=True, gap=0.001, ack_after=0.03)
    close(tape, end + 0.5, flow, rtt=0.03)

Times are float seconds since the day's midnight, all arrays [n] for n connections or messages.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgeprint.testbed import tls
from edgeprint.testbed.frames import LONGEST, record_at
from edgeprint.testbed.tape import ACK, FIN, PSH, SYN, Tape

SHORTEST = 30  # bytes of a TLS record with a tag
SYN_OPTIONS = bytes.fromhex("020405a00101040201030307")  # segment size, SACK, window scale
BACK_TO_BACK = 0.0002  # seconds between the segments of one flight
Patches = dict[tuple[int, int], NDArray[np.uint8]]  # bytes [n, end - begin] by where they go


@dataclass(frozen=True, kw_only=True)
class Handshake:
    """How a connection begins: the client's hello and reaction times, the server's flight, the distances."""

    server: str
    modern: bool  # TLS 1.3
    ciphers: int
    hello_size: int
    chain: int  # bytes of certificates
    hello_ms: tuple[float, float]  # mean and deviation: from the connection to the ClientHello
    react_ms: tuple[float, float]  # from the server's flight to the client's finish
    wifi_ms: float  # from the router to the device and back
    rtt_ms: float  # from the router to the server and back


def connect(tape: Tape, start: NDArray, flow: NDArray, shake: Handshake) -> NDArray:
    """TCP and TLS handshakes at `start` [n]; the times [n] from which the connections are ready."""
    rng, n = tape.rng, len(start)
    wifi = about(rng, (shake.wifi_ms, shake.wifi_ms / 4), n)
    trip = shake.rtt_ms / 1e3 * (1 + rng.gamma(1.5, 0.03, (3, n)))
    hello_random, flight_random, session = rng.integers(0, 256, (3, n, 32), "u1")
    hello_patches = {tls.RANDOM: hello_random} | ({tls.SESSION: session} if shake.modern else {})
    flight_patches = {tls.RANDOM: flight_random, tls.SESSION: session}

    time = _three_ways(tape, start, flow, trip[0], wifi) + about(rng, shake.hello_ms, n)
    hello = tls.client_hello(shake.server, shake.modern, shake.ciphers, shake.hello_size)
    time = _speak(tape, time, flow, hello, hello_patches, up=True)
    tape.add(time + trip[1], flow, False, flags=ACK)
    flight = tls.server_flight(shake.server, shake.modern, shake.chain)
    time = _speak(tape, time + trip[1] + 0.003, flow, flight, flight_patches, up=False)
    tape.add(time + wifi, flow, True, flags=ACK)
    time = time + wifi + about(rng, shake.react_ms, n)
    time = _speak(tape, time, flow, tls.client_finish(shake.modern), {}, up=True)
    time = _speak(tape, time + trip[2], flow, tls.server_finish(shake.modern), {}, up=False)
    tape.add(time + wifi, flow, True, flags=ACK)
    return time + wifi + 0.001


def _three_ways(tape: Tape, time: NDArray, flow: NDArray, trip: NDArray, wifi: NDArray) -> NDArray:
    tail, size = tape.wire.keep(SYN_OPTIONS), len(SYN_OPTIONS)
    tape.add(time, flow, True, flags=SYN, tail=tail, length=size, options=size)
    tape.add(time + trip, flow, False, flags=SYN | ACK, tail=tail, length=size, options=size)
    tape.add(time + trip + wifi, flow, True, flags=ACK)
    return time + trip + wifi


def about(rng: np.random.Generator, spread: tuple[float, float], n: int) -> NDArray:
    """Seconds [n] around a mean and deviation in ms, never less than a fifth of the mean."""
    mean, deviation = spread
    return np.maximum(rng.normal(mean, deviation, n), mean / 5) / 1e3


def _speak(tape: Tape, time: NDArray, flow: NDArray, stream: bytes, patches: Patches, *, up: bool) -> NDArray:
    """Send a stream in full segments, the first patched for each connection; the times [n] of the last."""
    for begin in range(0, len(stream), LONGEST):
        part, last = stream[begin : begin + LONGEST], begin + LONGEST >= len(stream)
        flags = ACK | PSH if last else ACK
        tails = _patched(part, len(time), patches) if patches and not begin else part
        tape.say(time, flow, up, tails, flags)
        time = time if last else time + BACK_TO_BACK
    return time


def _patched(data: bytes, n: int, patches: Patches) -> NDArray[np.uint8]:
    rows = np.tile(np.frombuffer(data, "u1"), (n, 1))
    for (begin, end), values in patches.items():
        rows[:, begin:end] = values
    return rows


def send(
    tape: Tape,
    start: NDArray,
    flow: NDArray,
    size: NDArray,
    *,
    up: bool,
    gap: float,
    ack_after: float | None,
) -> NDArray:
    """`size` [n] bytes of application data from `start` [n], a TLS record a segment; when each ends [n].

    Segments come about `gap` s apart. The other side acknowledges every second one and the last `ack_after` s
    later, or leaves that to its own next data (None).
    """
    size = np.maximum(np.rint(size).astype("i8"), SHORTEST)
    count = -(-size // LONGEST)
    which = np.repeat(np.arange(len(size)), count)
    step = np.arange(len(which)) - np.repeat(np.cumsum(count) - count, count)
    last = step == count[which] - 1
    rest = np.maximum(size - (count - 1) * LONGEST, SHORTEST)
    length = np.where(last, rest[which], LONGEST)
    time = start[which] + gap * (step + np.where(step > 0, tape.rng.uniform(-0.4, 0.4, len(step)), 0))
    flags = np.where(last, ACK | PSH, ACK)
    tape.add(time, flow[which], up, tail=record_at(length), length=length, flags=flags, whole=False)
    if ack_after is not None:
        acked = last | (step % 2 == 1)
        tape.add(time[acked] + ack_after, flow[which][acked], not up, flags=ACK, lag=ack_after)
    return time[last]


def close(tape: Tape, time: NDArray, flow: NDArray, rtt: float) -> None:
    """The device's FIN, the server's, and the last ACK."""
    tape.add(time, flow, True, flags=FIN | ACK)
    tape.add(time + rtt, flow, False, flags=FIN | ACK)
    tape.add(time + rtt + 0.003, flow, True, flags=ACK)
