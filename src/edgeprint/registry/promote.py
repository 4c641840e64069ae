"""Which version of a model is in use: three aliases in MLflow's registry, moved and read back.

    version = register(run_id, folder, "binary.camera-a")    challenger
    record_gate(report, version, tags)                       a run of its own, refused or not
    promote(version.name, version.number)                    champion; the one before becomes previous
    rollback(version.name)                                   previous becomes champion again

Registering the same folder twice gives the same version, and promoting the champion changes nothing, so a
flow that died may simply be run again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeprint import artifact
from edgeprint.errors import EdgeprintError, UnknownModel
from edgeprint.registry import flavor, tracking
from edgeprint.registry.gate import GateReport

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion

CHAMPION, CHALLENGER, PREVIOUS = "champion", "challenger", "previous"
PROMOTED_BY, GATE, HAND = "promoted_by", "gate", "hand"
SOURCE, ABOUT = "source", "about.json"  # places among a run's artifacts


@dataclass(frozen=True)
class Version:
    """A registered model's version; `digest` is artifact.digest of its folder, `run_id` what trained it;
    `by_hand`: a person put it in use.
    """

    name: str
    number: int
    run_id: str
    digest: str
    by_hand: bool = field(default=False, compare=False)

    @property
    def uri(self) -> str:
        return f"models:/{self.name}/{self.number}"


def register(
    run_id: str,
    folder: Path,
    model_name: str,
    *,
    source: Path | None = None,
    about: Mapping[str, Any] | None = None,
) -> Version:
    """The version of `model_name` that holds this folder, made from the run's logged model if it is new.

    It becomes the challenger, unless it is the champion already. The files of the folder `source`, from which
    training can go on, and `about` go with it; see fetch_source.
    """
    client = _client()
    digest = artifact.digest(folder)
    known = _with_digest(client, model_name, digest)
    if source and not known:  # first: a version is never without
        _keep_source(client, run_id, source, about or {})
    version = _version(known[0] if known else _create(client, run_id, folder, model_name, digest))
    if champion(model_name) != version:
        _move(client, model_name, CHALLENGER, version.number)
    return version


def _keep_source(client: MlflowClient, run_id: str, source: Path, about: Mapping[str, Any]) -> None:
    """Store the files of a folder, none of its subfolders, and `about` as artifacts of a run."""
    for path in sorted(source.iterdir()):
        if path.is_file():
            client.log_artifact(run_id, str(path), SOURCE)
    client.log_dict(run_id, dict(about), f"{SOURCE}/{ABOUT}")


def fetch_source(version: Version, into: Path) -> Path:
    """The folder that `register` was given as `source`, fetched to `into`/source.

    Raises UnknownModel where the version was registered without.
    """
    from mlflow.exceptions import MlflowException

    into.mkdir(parents=True, exist_ok=True)
    try:
        folder = Path(_client().download_artifacts(version.run_id, SOURCE, str(into)))
        read_about(folder)
        return folder
    except (MlflowException, OSError) as error:
        raise UnknownModel(
            f"{version.name} version {version.number} was registered without the weights to go on from"
        ) from error


def read_about(folder: Path) -> dict[str, Any]:
    """What `register` was told `about` the model, from a fetched source."""
    return json.loads((folder / ABOUT).read_text())


def offer_identify(folders: Mapping[str, Path], tags: Mapping[str, object]) -> Version:
    """The champions of many devices as one model, `identify`: its champion is what mlflow serves.

    The same folders give the same version. Raises BadArtifact for none, or models of different columns.
    """
    client, digest, name = _client(), flavor.digest(folders), flavor.IDENTIFY
    known = _with_digest(client, name, digest)
    if not known:
        about = {"stage": "release", "model": name, **tags}
        with tracking.training_run(name, f"{name} of {len(folders)} devices", {}, about) as run:
            model_id = flavor.log_identify(folders, run_id=run.id).model_id
        _make(client, name, name)
        devices = ", ".join(folders)
        known = [_made(client, name, run.id, model_id, {"digest": digest, "models": devices})]
    return promote(name, int(known[0].version))


def version(name: str, number: int) -> Version:
    """Raises UnknownModel where there is no such version."""
    return _get(_client(), name, number)


def promote(name: str, number: int, *, by: str = GATE) -> Version:
    """Make a version the champion and the champion before it `previous`; reads the aliases back.

    `by` whom is a tag of the version: the gate alone, or a person. Raises UnknownModel where there is no such
    version.
    """
    client = _client()
    version, before = replace(_get(client, name, number), by_hand=by == HAND), champion(name)
    tag(version, PROMOTED_BY, by)
    if before != version:
        if before is not None:  # first: dying here leaves the old champion in use, and a way back after it
            _move(client, name, PREVIOUS, before.number)
        _move(client, name, CHAMPION, number)
    if aliased(name, CHALLENGER) == version:
        client.delete_registered_model_alias(name, CHALLENGER)
    return version


def rollback(name: str) -> Version:
    """Make the previous version champion again; after that there is no previous one.

    Raises UnknownModel where there is none to go back to.
    """
    client = _client()
    before = aliased(name, PREVIOUS)
    if before is None:
        raise UnknownModel(f"{name} has no previous version to go back to")
    tag(before, PROMOTED_BY, HAND)
    _move(client, name, CHAMPION, before.number)
    client.delete_registered_model_alias(name, PREVIOUS)
    return replace(before, by_hand=True)


def with_digest(name: str, digest: str) -> Version | None:
    """The version of a model whose folder has this artifact.digest."""
    found = _with_digest(_client(), name, digest)
    return _version(found[0]) if found else None


def names() -> list[str]:
    """All registered models."""
    client, found, token = _client(), [], None
    while True:
        page = client.search_registered_models(page_token=token)
        found += [model.name for model in page]
        token = page.token
        if not token:
            return sorted(found)


def champion(name: str) -> Version | None:
    return aliased(name, CHAMPION)


def aliased(name: str, alias: str) -> Version | None:
    """The version that carries an alias; None where no version does or there is no such model.

    A search, because a server with roles denies a question about a model that is not there.
    """
    client = _client()
    found = client.search_registered_models(f"name = '{name}'")
    number = found[0].aliases.get(alias) if found else None
    return None if number is None else _get(client, name, int(number))


def record_gate(report: GateReport, version: Version, tags: Mapping[str, object]) -> str:
    """Keep a gate's verdict, passed or refused, as an MLflow run and as tags of the version; returns the run.

    The run has every number as a metric, every limit as a param, and the table as gate.txt.
    """
    verdict = "passed" if report.passed else "refused"
    name = f"gate {verdict}: {version.name} version {version.number}"
    numbers = [c for c in report.checks if not isinstance(c.value, str)]
    limits = {f"limit.{check.name}": check.limit for check in report.checks}
    about = {
        **tags,
        "stage": "gate",
        "verdict": verdict,
        "model": version.name,
        "version": version.number,
        "reasons": "; ".join(report.refusals),
    }
    family = version.name.partition(".")[0]
    with tracking.training_run(family, name, limits, about) as run:
        run.metrics({f"gate.{check.name}": float(check.value) for check in numbers})
        run.text("gate.txt", report.table() + "\n")
    client = _client()
    for key in ("verdict", "reasons"):
        client.set_model_version_tag(version.name, str(version.number), f"gate.{key}", str(about[key]))
    return run.id


def tag(version: Version, key: str, value: str) -> None:
    """Note something of a version for whoever looks at it later."""
    _client().set_model_version_tag(version.name, str(version.number), key, value)


def _client() -> MlflowClient:
    from mlflow import MlflowClient

    return MlflowClient()


def _with_digest(client: MlflowClient, name: str, digest: str) -> list[ModelVersion]:
    return [v for v in client.search_model_versions(f"name='{name}'") if v.tags.get("digest") == digest]


def _create(client: MlflowClient, run_id: str, folder: Path, name: str, digest: str) -> ModelVersion:
    card = artifact.read(folder).card
    _make(client, name, card.family)
    data = {f"data.{key}": str(value) for key, value in card.data.items() if not isinstance(value, dict)}
    tags = {"digest": digest, "schema_hash": card.schema_hash, "git_revision": card.git_revision, **data}
    model_id = _logged(client, run_id, digest) or flavor.log_model(folder, run_id=run_id).model_id
    return _made(client, name, run_id, model_id, tags)


def _make(client: MlflowClient, name: str, family: str) -> None:
    """The registered model, where it is new."""
    from mlflow.exceptions import MlflowException

    try:
        client.create_registered_model(name, tags={"family": family})
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise


def _made(
    client: MlflowClient, name: str, run_id: str, model_id: str | None, tags: dict[str, str]
) -> ModelVersion:
    source = f"models:/{model_id}"
    return client.create_model_version(name, source=source, run_id=run_id, tags=tags, model_id=model_id)


def _logged(client: MlflowClient, run_id: str, digest: str) -> str | None:
    """The model that the run has logged already from the same folder."""
    outputs = client.get_run(run_id).outputs
    for output in outputs.model_outputs if outputs else []:
        if client.get_logged_model(output.model_id).tags.get("digest") == digest:
            return output.model_id
    return None


def _get(client: MlflowClient, name: str, number: int) -> Version:
    from mlflow.exceptions import MlflowException

    try:
        return _version(client.get_model_version(name, str(number)))
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        raise UnknownModel(f"{name} has no version {number}") from error


def _move(client: MlflowClient, name: str, alias: str, number: int) -> None:
    client.set_registered_model_alias(name, alias, str(number))
    found = aliased(name, alias)
    if found is None or found.number != number:
        seen = "none" if found is None else found.number
        raise EdgeprintError(f"alias {alias} of {name} was set to version {number} and reads back {seen}")


def _version(stored: ModelVersion) -> Version:
    return Version(
        stored.name,
        int(stored.version),
        stored.run_id or "",
        stored.tags.get("digest", ""),
        stored.tags.get(PROMOTED_BY) == HAND,
    )
