"""May a challenger replace the champion? Every number next to its limit; pure.

report = examine(challenger, champion, params.gate)
print(report.table())
report.require()
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field

from edgeprint import params
from edgeprint.errors import GateRefused
from edgeprint.registry.tflite import FLOAT32

EPSILON = 1e-9  # 0.90 - 0.02 is 0.88, whatever binary fractions say


@dataclass(frozen=True)
class Exam:
    """What was measured of a model on the newest interval's held-out rows.

    `schema_hash` is the model's, `data_schema_hash` that of the rows; `parity` as in tflite.parity, of an
    export of kind `export`; `latency_ms` is the 95th percentile of one inference; `rss_bytes` what a process
    grows by; `ece` the expected calibration error and `auroc` how well confidence tells the known from
    others, None where the method or the rows have no such figure.
    """

    macro_f1: float
    schema_hash: str
    data_schema_hash: str
    parity: float
    latency_ms: float
    size_bytes: int
    rss_bytes: int = 0
    export: str = FLOAT32
    ece: float | None = None
    auroc: float | None = None
    device_f1: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Check:
    name: str
    value: float | str
    limit: float | str
    passed: bool
    sentence: str


@dataclass(frozen=True)
class GateReport:
    checks: list[Check]

    @property
    def passed(self) -> bool:
        return all(check.passed for check in self.checks)

    @property
    def refusals(self) -> list[str]:
        return [check.sentence for check in self.checks if not check.passed]

    def require(self) -> None:
        """Raises GateRefused with a sentence for every check that failed."""
        if not self.passed:
            raise GateRefused("; ".join(self.refusals))

    def table(self) -> str:
        """One line a check: name, value, limit, verdict."""
        rows = [("check", "value", "limit", "verdict")]
        for c in self.checks:
            rows.append((c.name, _text(c.value), _text(c.limit), "ok" if c.passed else "REFUSED"))
        name, value, limit = (max(len(row[i]) for row in rows) for i in range(3))
        return "\n".join(f"{a:<{name}}  {b:>{value}}  {c:>{limit}}  {d}" for a, b, c, d in rows)

    def to_dict(self) -> dict:
        return {"passed": self.passed, "checks": [asdict(check) for check in self.checks]}


def examine(challenger: Exam, champion: Exam | None, limits: params.Gate) -> GateReport:
    """Hold a challenger to the limits of params.yaml, and to the champion where there is one.

    A device that the challenger was not measured on counts as F1 0; NaN passes nothing.
    """
    checks = [
        _same_schema(challenger),
        _at_least("macro_f1", challenger.macro_f1, limits.min_macro_f1, "the floor"),
    ]
    if champion is not None:
        least = champion.macro_f1 - limits.max_drop
        why = f"the champion's {champion.macro_f1:.3f} less {limits.max_drop:g}"
        checks.append(_at_least("macro_f1 against champion", challenger.macro_f1, least, why))
        for device, before in sorted(champion.device_f1.items()):
            now = challenger.device_f1.get(device, 0.0)
            why = f"the champion's {before:.3f} less {limits.max_device_drop:g}"
            checks.append(_at_least(f"F1 of {device}", now, before - limits.max_device_drop, why))
        checks += _as_reliable(challenger, champion, limits)
    apart = limits.max_parity if challenger.export == FLOAT32 else limits.max_quantised_parity
    checks += [
        _at_most("parity", challenger.parity, apart),
        _at_most("latency", challenger.latency_ms, limits.max_latency_ms, " ms"),
        _at_most("memory", challenger.rss_bytes, limits.max_rss_bytes, " bytes"),
        _at_most("size", challenger.size_bytes, limits.max_bytes, " bytes"),
    ]
    return GateReport(checks)


def _as_reliable(challenger: Exam, champion: Exam, limits: params.Gate) -> list[Check]:
    """Calibration and the unknown, where both were measured: no device is unknown to who has learned it."""
    checks = []
    if champion.ece is not None and challenger.ece is not None:
        most, why = champion.ece + limits.max_ece_rise, f"the champion's {champion.ece:.3f}"
        why = f", {why} and {limits.max_ece_rise:g}"
        checks.append(_at_most("calibration error", challenger.ece, most, why=why))
    if champion.auroc is not None and challenger.auroc is not None:
        least, why = champion.auroc - limits.max_auroc_drop, f"the champion's {champion.auroc:.3f}"
        why = f"{why} less {limits.max_auroc_drop:g}"
        checks.append(_at_least("unknown AUROC", challenger.auroc, least, why))
    return checks


def _same_schema(exam: Exam) -> Check:
    model, data = exam.schema_hash[:12], exam.data_schema_hash[:12]
    same = exam.schema_hash == exam.data_schema_hash
    verb = "is" if same else "is not"
    return Check("schema", model, data, same, f"the model's schema {model} {verb} that of the data, {data}")


def _at_least(name: str, value: float, limit: float, why: str) -> Check:
    passed = bool(value >= limit - EPSILON)
    verb = "reaches" if passed else "is below"
    return Check(name, value, limit, passed, f"{name} {value:.3f} {verb} {limit:.3f}, {why}")


def _at_most(name: str, value: float, limit: float, unit: str = "", why: str = "") -> Check:
    passed = bool(value <= limit + EPSILON)
    verb = "is within" if passed else "exceeds"
    return Check(name, value, limit, passed, f"{name} {_text(value)}{unit} {verb} {_text(limit)}{unit}{why}")


def _text(value: float | str) -> str:
    if isinstance(value, str):
        return value
    return f"{value:d}" if isinstance(value, int) else f"{value:.3g}" if abs(value) < 0.01 else f"{value:.3f}"
