"""Ask a person, in Prefect's UI, which of the challengers that passed the gate become champions.

    lines = settle(walk, lines)          # within a flow run: it pauses where a server is there to ask through

Without a server, or where nobody answers in time, they stay challengers: edgeprint promote does it later.
"""

from typing import Any

from prefect import get_run_logger, pause_flow_run
from prefect.exceptions import FlowPauseTimeout
from prefect.input import RunInput
from prefect.settings import PREFECT_API_URL

from edgeprint.stages.retrain import Walk

HOUR = 3600


class Approval(RunInput):
    """The form: names to take out of the list are refused."""

    promote: list[str]


def settle(walk: Walk, lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The lines with what came of those that await a person."""
    waiting = {line["model"]: line for line in lines if walk.waits(line)}
    if not waiting:
        return lines
    approved = _asked(waiting, walk.trainer.context.params.gate.approval_hours)
    done = {name: walk.approve(line) for name, line in waiting.items() if name in approved}
    for name in waiting.keys() - done.keys():
        get_run_logger().warning(f"{name}: {waiting[name]['awaits']}")
    return [done.get(line["model"], line) if line in waiting.values() else line for line in lines]


def _asked(waiting: dict[str, dict[str, Any]], hours: float) -> list[str]:
    """The names that a person leaves in the form; none where nobody can be asked or answers."""
    if not PREFECT_API_URL.value():
        return []
    form = Approval.with_initial_data(description=_description(waiting), promote=sorted(waiting))
    try:
        return pause_flow_run(wait_for_input=form, timeout=round(hours * HOUR)).promote
    except FlowPauseTimeout:
        return []


def _description(waiting: dict[str, dict[str, Any]]) -> str:
    """Every number of every gate, in Markdown."""
    parts = []
    for name, line in sorted(waiting.items()):
        rows = [f"| {c['name']} | {_shown(c['value'])} | {_shown(c['limit'])} |" for c in line["gate"]]
        head = f"**{name}, version {line['version']}**, {line['interval']}: {'; '.join(line['reasons'])}"
        parts.append("\n".join([head, "", "| check | value | limit |", "|---|---|---|", *rows]))
    return "\n\n".join([*parts, "Leave in the list what becomes champion, and resume."])


def _shown(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:.4g}"
