"""Prefect flows, one a file: thin wrappers that map the stages over captures, models and intervals."""

import sys
from collections.abc import Callable

from edgeprint.errors import EdgeprintError


def main(flow: Callable[..., object], *arguments: str) -> None:
    """Run a flow as a program: what goes wrong on purpose ends with one sentence and exit status 1."""
    try:
        flow(*arguments)
    except EdgeprintError as error:
        print(f"edgeprint: {error}", file=sys.stderr)
        raise SystemExit(1) from None
