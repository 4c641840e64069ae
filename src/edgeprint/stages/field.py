"""What agents reported, cut into the intervals of the captures.

seen = by_interval(trainer)              # {"2025Q3": {"camera-a": FieldSignals(...)}}; empty without reports
"""

from __future__ import annotations

from edgeprint.drift import field
from edgeprint.drift.field import FieldSignals
from edgeprint.stages.train import Trainer

Seen = dict[str, dict[str, FieldSignals]]


def by_interval(trainer: Trainer) -> Seen:
    """By interval and device; an interval reaches from its first captured row to the next one's.

    Raises BadParams where drift.field names nothing that can be read.
    """
    where = trainer.context.params.drift.field
    if not where:
        return {}
    lines, data = list(field.read(trainer.workspace.root / where)), trainer.data
    begins = {
        name: int(data.table.start_ns[data.interval == i].min())
        for i, name in enumerate(data.names)
        if (data.interval == i).any()
    }
    ends = [*list(begins.values())[1:], 1 << 62]
    return {
        name: field.gather(lines, since_ns=begin, until_ns=end)
        for (name, begin), end in zip(begins.items(), ends, strict=True)
    }
