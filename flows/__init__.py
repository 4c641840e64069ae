"""Prefect flows, one a file: thin wrappers that map the stages over captures, models and intervals."""

import sys
from collections.abc import Callable
from pathlib import Path

from edgeprint.errors import EdgeprintError
from edgeprint.stages.workspace import Workspace


def main(flow: Callable[..., object], *arguments: str) -> None:
    """Run a flow as a program: what goes wrong on purpose ends with one sentence and exit status 1.

    The sentence is kept for the page, which shows what was done before.
    """
    try:
        flow(*arguments)
    except EdgeprintError as error:
        print(f"edgeprint: {error}", file=sys.stderr)
        Workspace(Path()).stopped.write_text(str(error))
        raise SystemExit(1) from None
