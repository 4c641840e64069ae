"""The state of every ring as one table and one picture.

print(table(plan, fleet))
write_picture(Path("rings.svg"), plan, fleet, "2026-11-25 12:00")
"""

from __future__ import annotations

from html import escape
from pathlib import Path

from edgeprint.fleet.decide import Count, Fleet, count
from edgeprint.rings import Plan
from edgeprint.standing import Standing
from edgeprint.whole_file import write_whole

COUNTED = ("pis", "confirmed", "trial", "failed", "behind", "offline", "stale")
HEADER = ("ring", "share", "state", "release", *COUNTED)
# Of the parts of a bar: what is well is calm, what needs a person is not; told apart by order too.
COLOURS = {
    "confirmed": "#2e7d5b",
    "trial": "#7fb069",
    "behind": "#c9d1d9",
    "offline": "#6b7280",
    "failed": "#b3261e",
}
WIDTH, LEFT, BAR, ROW, TOP = 760, 190, 480, 46, 70


def headline(plan: Plan) -> str:
    """The plan in a sentence."""
    if plan.candidate is None:
        now = f"release {plan.stable} is everybody's" if plan.stable else "no release yet"
    else:
        now = f"release {plan.candidate} has reached {plan.reached} of {len(plan.rings)} rings"
        now += f", the others run release {plan.stable}" if plan.stable else ""
    paused = f"; paused: {plan.paused}" if plan.paused else ""
    stopped = "".join(
        f"; release {release} was stopped: {why}" for release, why in sorted(plan.stopped.items())[-1:]
    )
    return now + paused + stopped


def table(plan: Plan, fleet: Fleet) -> str:
    """Aligned columns, a row a ring, below a sentence on the plan."""
    rows = [HEADER, *(_cells(plan, index, row) for index, row in enumerate(count(plan, fleet)))]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]
    return "\n".join([headline(plan), "", *lines])


def pis(plan: Plan, fleet: Fleet) -> str:
    """A line a Pi."""
    return "\n".join(
        f"{pi:<20} {plan.rings[plan.ring(pi)].name:<12} release {heard.standing.release:<4} "
        f"{heard.standing.phase if heard.online else 'offline':<10} {_first_word(heard.standing)}".rstrip()
        for pi, heard in sorted(fleet.items())
    )


def _first_word(standing: Standing) -> str:
    for model, reason in standing.refused.items():
        return f"{model}: {reason}"
    return standing.stale or ""


def _state(plan: Plan, index: int) -> str:
    if plan.candidate is None:
        return "done"
    if index >= plan.reached:
        return "not yet"
    return "paused" if plan.paused and index == plan.reached - 1 else "open"


def _cells(plan: Plan, index: int, row: Count) -> tuple[str, ...]:
    ring = plan.rings[index]
    share = f"{ring.share:.0%}" + (f" + {len(ring.pis)}" if ring.pis else "")
    release = plan.candidate if plan.candidate is not None and index < plan.reached else plan.stable
    numbers = (str(getattr(row, name)) for name in COUNTED)
    return (row.ring, share, _state(plan, index), str(release), *numbers)


def write_picture(path: Path, plan: Plan, fleet: Fleet, when: str) -> None:
    """`picture` in a file, whole at every moment: a browser may read it meanwhile."""
    write_whole(path, picture(plan, fleet, when).encode())


def picture(plan: Plan, fleet: Fleet, when: str) -> str:
    """An SVG of its own: a bar a ring, as long as the ring is large, in the order of COLOURS."""
    rows = count(plan, fleet)
    most = max([row.pis for row in rows] + [1])
    height = TOP + ROW * len(rows) + 60
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" font-size="14" '
        f'font-family="sans-serif" role="img" aria-label="{escape(headline(plan), quote=True)}">',
        f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
        f'<text x="20" y="28" font-size="16" font-weight="bold">{escape(_shortened(headline(plan)))}</text>',
        f'<text x="20" y="50" fill="#555">{escape(when)}, {sum(row.pis for row in rows)} Pis</text>',
    ]
    for index, row in enumerate(rows):
        parts += _bar(plan, index, row, TOP + ROW * index, BAR / most)
    parts += _legend(height - 24)
    return "\n".join([*parts, "</svg>", ""])


def _bar(plan: Plan, index: int, row: Count, top: int, scale: float) -> list[str]:
    release = _cells(plan, index, row)[3]
    parts = [
        f'<text x="20" y="{top + 15}">{escape(row.ring)}, {row.pis} Pis</text>',
        f'<text x="20" y="{top + 32}" font-size="12">release {release}, {_state(plan, index)}</text>',
    ]
    left = float(LEFT)
    for name, colour in COLOURS.items():
        width = getattr(row, name) * scale
        if width:
            parts.append(
                f'<rect x="{left:.1f}" y="{top}" width="{width:.1f}" height="28" fill="{colour}">'
                f"<title>{getattr(row, name)} {name}</title></rect>"
            )
        left += width
    parts.append(
        f'<text x="{left + 8:.1f}" y="{top + 19}" font-size="12">{row.confirmed} of {row.pis}</text>'
    )
    return parts


def _legend(y: int) -> list[str]:
    parts = []
    for index, (name, colour) in enumerate(COLOURS.items()):
        x = 20 + 130 * index
        parts.append(f'<rect x="{x}" y="{y - 11}" width="12" height="12" fill="{colour}"/>')
        parts.append(f'<text x="{x + 18}" y="{y}">{name}</text>')
    return parts


def _shortened(sentence: str, longest: int = 84) -> str:
    return sentence if len(sentence) <= longest else sentence[: longest - 1] + "…"
