"""The copy of the paper's prototype does what the agent does: what is compared is how."""

import numpy as np

from benchmarks.edge_home import network
from benchmarks.peers.prototype_identify import STEPS, Prototype
from edgeprint.binary.features import ColumnStream, SpectrogramSpec
from edgeprint.packets.inventory import mac_text

HEIGHT, WIDTH, WINDOWS = 10, 8, 12
SPEC = SpectrogramSpec(HEIGHT, 0.1)
DEVICE, ROUTER = 0x02_0000_0000_01, 0x02_0000_0000_99
FIRST = 1_767_614_400  # s


def test_both_make_the_same_columns_and_the_prototype_asks_when_it_has_enough() -> None:
    random = np.random.default_rng(0)
    bins = random.integers(0, HEIGHT, (WINDOWS, 20))
    size, sent = random.integers(60, 1500, (WINDOWS, 20)), random.random((WINDOWS, 20)) < 0.5
    prototype = Prototype({mac_text(DEVICE): network(HEIGHT, WIDTH)}, HEIGHT, WIDTH)
    answers = []
    for window in range(WINDOWS):
        collected = [
            (
                *map(mac_text, (DEVICE, ROUTER) if out else (ROUTER, DEVICE)),
                FIRST + window + (b + 0.5) / 10,
                int(n),
            )
            for b, n, out in zip(bins[window], size[window], sent[window], strict=True)
        ]
        answers.append(prototype.identify(collected, FIRST + window))
    assert [len(answer) for answer in answers] == [0] * (WIDTH - 1) + [1] * (WINDOWS - WIDTH + 1)
    stream = ColumnStream(SPEC)
    time_ns = (FIRST + np.arange(WINDOWS))[:, None] * 10**9 + (2 * bins + 1) * SPEC.bin_ns // 2
    stream.push(time_ns.ravel(), np.where(sent, size, -size).ravel())
    columns = stream.finish()[1][:WINDOWS]  # the last frame ends after the last window
    assert np.allclose(prototype.spectrograms[mac_text(DEVICE)], columns[-WIDTH:], rtol=1e-5, atol=1e-3)
    assert all(prototype.seconds[step] > 0 for step in STEPS)
