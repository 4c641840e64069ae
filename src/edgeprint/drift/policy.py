"""When to retrain: a pure decision from measured evidence and the limits of params.yaml.

decision = decide(Evidence(champion_f1_then=0.94, f1_now=0.81), params.policy)
decision.retrain, decision.reasons
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

from edgeprint import params

EPSILON = 1e-9  # 0.90 - 0.85 is 0.05, whatever binary fractions say
Finding = tuple[str, float, str]  # the limit's name, by how much it is exceeded, a sentence


@dataclass(frozen=True)
class Evidence:
    """What is known about a champion at a new interval; None where it cannot be measured.

    `champion_f1_then` is None where there is no champion yet; `drift_share` is of the columns that vary;
    `new_data_ratio` is new rows for each row trained on; `deviating_share` is of the ticks at which agents
    judged the device.
    """

    champion_f1_then: float | None
    f1_now: float | None = None
    drift_share: float | None = None
    age_intervals: int = 0
    new_data_ratio: float = 0.0
    deviating_share: float | None = None


@dataclass(frozen=True)
class Decision:
    """`triggers` is keyed by the limit's name in params.yaml; `reasons` are sentences with the numbers.

    The reasons are those of the triggers that fired or, where none did, what was looked at.
    """

    retrain: bool
    reasons: list[str]
    triggers: dict[str, bool]

    def to_dict(self) -> dict:
        return asdict(self)


def decide(evidence: Evidence, limits: params.Policy) -> Decision:
    """Retrain where any limit is exceeded (meeting one exactly is not exceeding it) or no champion exists."""
    if evidence.champion_f1_then is None:
        return Decision(True, ["there is no champion yet"], {"no_champion": True})
    found = [
        *_performance(evidence.champion_f1_then, evidence.f1_now, limits),
        *_drift(evidence.drift_share, limits.max_drift_share),
        _age(evidence.age_intervals, limits.max_age_intervals),
        _new_data(evidence.new_data_ratio, limits.max_new_data),
        *_in_the_field(evidence.deviating_share, limits.max_deviating),
    ]
    triggers = {name: excess > EPSILON for name, excess, _ in found}
    fired = [sentence for name, _, sentence in found if triggers[name]]
    return Decision(bool(fired), fired or [sentence for *_, sentence in found], triggers)


def _performance(then: float, now: float | None, limits: params.Policy) -> list[Finding]:
    if now is None:
        return []
    change = f"F1 went from {then:.3f} to {now:.3f} ({now - then:+.3f}), limit -{limits.max_f1_drop:.3f}"
    floor = f"F1 is {now:.3f}, at least {limits.min_f1:.3f} is asked"
    return [
        ("max_f1_drop", then - now - limits.max_f1_drop, change),
        ("min_f1", limits.min_f1 - now, floor),
    ]


def _drift(share: float | None, most: float) -> list[Finding]:
    if share is None:
        return []
    return [("max_drift_share", share - most, f"{share:.0%} of the columns drifted, limit {most:.0%}")]


def _in_the_field(share: float | None, most: float) -> list[Finding]:
    if share is None:
        return []
    sentence = f"agents saw it deviate at {share:.0%} of their ticks, limit {most:.0%}"
    return [("max_deviating", share - most, sentence)]


def _age(age: int, oldest: int) -> Finding:
    return "max_age_intervals", age - oldest, f"the champion is {age} intervals old, limit {oldest}"


def _new_data(ratio: float, most: float) -> Finding:
    sentence = f"{ratio:.1f} new rows for each row trained on, limit {most:.1f}"
    return "max_new_data", ratio - most, sentence
