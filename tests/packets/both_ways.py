"""All loops of the decoder made to run interpreted, or compiled, whatever the input's size."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache

import edgeprint.packets.decode  # noqa: F401  brings all modules with loops
from edgeprint.packets.hot_loop import HotLoop


def loops() -> list[HotLoop]:
    modules = [module for name, module in sys.modules.items() if name.startswith("edgeprint.packets.")]
    found = {id(value): value for m in modules for value in vars(m).values() if isinstance(value, HotLoop)}
    return list(found.values())


@contextmanager
def interpreted() -> Iterator[None]:
    """No loop is compiled inside."""
    with _each_as(lambda loop: None):
        yield


@contextmanager
def compiled() -> Iterator[None]:
    """Every call inside runs compiled."""
    with _each_as(machine_code):
        yield


@cache
def machine_code(loop: HotLoop) -> Callable:
    return loop.compile()


@contextmanager
def _each_as(code: Callable[[HotLoop], Callable | None]) -> Iterator[None]:
    before = [(loop, loop._compiled, loop.patience) for loop in loops()]
    for loop in loops():
        loop._compiled, loop.patience = code(loop), None
    try:
        yield
    finally:
        for loop, ready, patience in before:
            loop._compiled, loop.patience = ready, patience
