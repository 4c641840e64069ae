"""Stay with a release that was just published: hear the Pis, open ring after ring, stop what fails.

    came = follow(workspace, broker, now, say=print)     # None where no release is on its way
    came.check()                                         # raises RollOutFailed where the release was stopped

What decides is edgeprint.fleet.decide, as in `edgeprint fleet watch`; this ends with the release.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from edgeprint.broker import Broker, broker, password_of
from edgeprint.errors import RollOutFailed
from edgeprint.fleet import board
from edgeprint.fleet.chain import Chain
from edgeprint.fleet.decide import Decision, Fleet, Thresholds
from edgeprint.fleet.keys import Keys
from edgeprint.fleet.listen import Listener
from edgeprint.fleet.watch import follow as follow_rings
from edgeprint.rings import Plan
from edgeprint.stages.release import places
from edgeprint.stages.workspace import Workspace

EVERY_S = 60.0
PICTURE = "rings.svg"


@dataclass(frozen=True)
class Rings:
    """How a release stood when its watch ended; `table` has a line a ring."""

    release: int
    stopped: str | None
    headline: str
    table: str

    def check(self) -> None:
        """Raises RollOutFailed where the release was rolled back, with the reason."""
        if self.stopped is not None:
            raise RollOutFailed(f"release {self.release} was rolled back: {self.stopped}")

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def named_broker(workspace: Workspace) -> Broker | None:
    """The fleet's broker that params.yaml names; None where it names none. Raises BadParams."""
    wanted = workspace.params().release
    if not wanted.broker:
        return None

    def place(name: str) -> Path | None:
        return workspace.root / name if name else None

    password = password_of(place(wanted.broker_password_file), "release.broker_password_file")
    return broker(wanted.broker, password=password, ca=place(wanted.broker_ca), option="release.broker")


def follow(
    workspace: Workspace,
    at: Broker,
    now: datetime,
    *,
    say: Callable[[str], None],
    every_s: float = EVERY_S,
) -> Rings | None:
    """Watch the release on its way to its end, for at most release.watch_hours; None where there is none.

    Draws reports/rings.svg at each look. Raises NoBroker where the Pis cannot be heard.
    """
    wanted, (folder, keys) = workspace.params().release, places(workspace)
    release = Chain.read(folder).plan().candidate
    if release is None:
        return None
    heard: Fleet = {}

    def show(plan: Plan, fleet: Fleet, _: Decision) -> None:
        nonlocal heard
        heard = fleet
        board.write_picture(workspace.reports / PICTURE, plan, fleet, f"release {release}")

    with Listener(at, say=say) as listener:
        plan = follow_rings(
            folder,
            Keys(keys),
            listener.fleet,
            Thresholds(soak_s=wanted.soak_hours * 3600),
            every_s=every_s,
            until=now + timedelta(hours=wanted.watch_hours),
            say=say,
            show=show,
        )
    return Rings(release, plan.stopped.get(release), board.headline(plan), board.table(plan, heard))
