import subprocess
import sys

import numpy as np
import pytest

from edgeprint.packets.hot_loop import HotLoop

DATA = np.arange(200, dtype="u1")


def twice(value):
    return value * 2


def total(data, start):
    found = start
    for at in range(len(data)):
        found += twice(data[at])
    return found


def test_both_ways_give_the_same():
    pytest.importorskip("numba")
    loop = HotLoop(total, twice, patience=0)
    assert loop.interpreted(DATA, 5) == loop.compiled(DATA, 5) == 5 + 2 * sum(range(200))


def test_it_interprets_until_its_patience_is_spent():
    pytest.importorskip("numba")
    loop = HotLoop(total, twice, patience=300)
    loop(DATA, 0, work=200)
    assert loop._compiled is None
    loop(DATA, 0, work=200)
    assert loop._compiled is not None


def test_it_interprets_for_ever_without_numba(monkeypatch):
    monkeypatch.setattr("edgeprint.packets.hot_loop.find_spec", lambda name: None)
    loop = HotLoop(total, twice, patience=0)
    assert loop(DATA, 0, work=10**9) == 2 * sum(range(200))


def test_it_compiles_where_no_folder_takes_a_cache(monkeypatch):
    numba = pytest.importorskip("numba")
    plain = numba.njit

    def njit(*arguments, cache=False, **options):
        def make(function):
            if cache:
                raise RuntimeError("cannot cache function: no locator available")
            return plain(*arguments, **options)(function)

        return make

    monkeypatch.setattr(numba, "njit", njit)
    assert HotLoop(total, twice, patience=0).compiled(DATA, 1) == 1 + 2 * sum(range(200))


def test_reading_captures_imports_no_heavy_package():
    heavy = "{'numba', 'scipy', 'pandas', 'scapy'} & set(sys.modules)"
    code = f"import sys, edgeprint.packets.decode; sys.exit(bool({heavy}))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
