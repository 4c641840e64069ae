"""The plain version of the 219 features, that the benchmark times, and ours give the same values."""

import warnings

import numpy as np
import pytest

from benchmarks import reference
from edgeprint.cclp.features import SCHEMA, extract
from edgeprint.packets.decode import decode
from edgeprint.packets.inventory import read
from edgeprint.packets.table import DevicePackets
from edgeprint.testbed.home import simulate


@pytest.fixture(scope="module")
def devices(tmp_path_factory) -> dict[str, DevicePackets]:
    """Everyone in an hour of a simulated home: names, handshakes, silence and bursts."""
    folder = tmp_path_factory.mktemp("home")
    simulate(folder, devices=4, quarters=1, hours=1, seed=5)
    (capture,) = folder.glob("*.pcap")
    return read(folder / "devices.csv").split(decode(capture)[0])


def _both(packets: DevicePackets, minutes: int):
    start_ns, ours = extract(packets, window_minutes=minutes)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        return start_ns, ours, reference.extract(packets, window_minutes=minutes)


def test_it_has_our_columns_and_windows(devices):
    packets = max(devices.values(), key=len)
    start_ns, _, theirs = _both(packets, 30)
    assert sorted(theirs.columns) == sorted(SCHEMA.names)
    assert theirs.index.tolist() == start_ns.tolist()


def test_it_has_our_values(devices):
    for packets in devices.values():
        few = DevicePackets(
            packets.device, packets.table.select(np.arange(len(packets)) < 2000), packets.sent[:2000]
        )
        _, ours, theirs = _both(few, 5)
        np.testing.assert_allclose(
            theirs[list(SCHEMA.names)], ours, rtol=1e-6, atol=1e-6, err_msg=packets.device
        )


def test_the_capture_shows_every_group(devices):
    values = np.vstack([extract(packets, window_minutes=5)[1] for packets in devices.values()])
    shown = dict(zip(SCHEMA.names, (values > 0).any(axis=0), strict=True))
    assert shown["dns_name_2"] and shown["tls_handshakes"] and shown["ntp_interval_both_max"]
