"""Build the agent's images, and write down what they are, beside the release.

    python tools/images.py                                 # edgeprint-edge:dev-amd64 and dev-arm64
    python tools/images.py --tag 1.4.0 --push registry.example/edgeprint/

OUT (state/images) gets images.json: revision, base, and of each image its id, size, layers, the seconds it
took and the name of its bill of materials (CycloneDX) with its SHA-256. After a push there are digests too:
of each image, and `reference`, the one that names both processors and that a roll-out takes. No processor is
emulated.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
BAKE = "docker/docker-bake.hcl"
PROCESSORS = ("amd64", "arm64")
NAME = "edgeprint-edge"


def said(*command: str, **options: Any) -> str:
    """What a command prints. Ends the program with its own words where it fails."""
    try:
        done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, **options)
    except FileNotFoundError:
        sys.exit(f"{command[0]} is not installed: docs/containers.md says what building needs")
    if done.returncode:
        sys.exit(f"{' '.join(command)} ended with {done.returncode}")
    return done.stdout.strip()


def build(processor: str, environment: dict[str, str], *, push: bool) -> dict[str, Any]:
    """Build one image as the bake file says, which in itself cannot name a network; its record."""
    target = f"edge-{processor}"
    printed = said("docker", "buildx", "bake", "-f", BAKE, target, "--print", env=environment)
    wanted = json.loads(printed)["target"][target]
    (tag,), (own,) = wanted["tags"], wanted["platforms"]
    arguments = [
        word for name, value in wanted["args"].items() for word in ("--build-arg", f"{name}={value}")
    ]
    command = ["--platform", own, "--tag", tag, "--file", wanted["dockerfile"], "--load", wanted["context"]]
    began = time.monotonic()
    said("docker", "buildx", "build", "--network", environment["NETWORK"], *arguments, *command)
    seconds = time.monotonic() - began
    if push:
        said("docker", "push", "--quiet", tag)
    (facts,) = json.loads(said("docker", "image", "inspect", tag))
    digests = [name for name in facts["RepoDigests"] if name.startswith(tag.rpartition(":")[0])]
    return {
        "tag": tag,
        "platform": f"{facts['Os']}/{facts['Architecture']}",
        "id": facts["Id"],
        "digest": digests[-1].rpartition("@")[2] if push else None,
        "bytes": facts["Size"],
        "layers": facts["RootFS"]["Layers"],
        "build_seconds": round(seconds, 1),
    }


def write_bill(image: dict[str, Any], out: Path) -> dict[str, str]:
    """The image's bill of materials; its file and SHA-256."""
    container = said("docker", "create", "--platform", image["platform"], image["tag"])
    path = out / f"{NAME}-{image['platform'].rpartition('/')[2]}.cdx.json"
    try:
        exported = subprocess.Popen(["docker", "export", container], stdout=subprocess.PIPE)
        command = [sys.executable, "tools/image_sbom.py", NAME, image["id"]]
        path.write_bytes(
            subprocess.run(command, cwd=ROOT, stdin=exported.stdout, check=True, capture_output=True).stdout
        )
        if exported.wait():
            sys.exit(f"{image['tag']} cannot be exported")
    finally:
        said("docker", "rm", "-v", container)
    return {"sbom": path.name, "sbom_sha256": hashlib.sha256(path.read_bytes()).hexdigest()}


def joined(name: str, images: list[dict[str, Any]]) -> str:
    """One name for both processors in the registry; NAME@DIGEST."""
    repository = name.rpartition(":")[0]
    parts = [f"{repository}@{image['digest']}" for image in images]
    said("docker", "buildx", "imagetools", "create", "--tag", name, *parts)
    manifest = json.loads(
        said("docker", "buildx", "imagetools", "inspect", name, "--format", "{{json .Manifest}}")
    )
    return f"{repository}@{manifest['digest']}"


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tag", default="dev", help="the version to name them by (%(default)s)")
    parser.add_argument("--push", metavar="REGISTRY/", help="push to this registry, and record the digests")
    parser.add_argument(
        "--base", default="python:3.11-slim-bookworm", help="Debian with Python 3.11 (%(default)s)"
    )
    parser.add_argument(
        "--network", default="default", help="of the build: host where the engine has no bridge"
    )
    parser.add_argument("--only", choices=PROCESSORS, action="append", help="one processor; can be repeated")
    parser.add_argument(
        "--out", type=Path, default=ROOT / "state/images", help="where records go (state/images)"
    )
    return parser.parse_args()


def main() -> None:
    chosen = options()
    registry = "" if chosen.push is None else chosen.push.rstrip("/") + "/"
    environment = {
        **os.environ,
        "REGISTRY": registry,
        "TAG": chosen.tag,
        "BASE": chosen.base,
        "NETWORK": chosen.network,
    }
    chosen.out.mkdir(parents=True, exist_ok=True)
    images = []
    for processor in chosen.only or PROCESSORS:
        image = build(processor, environment, push=bool(registry))
        image |= write_bill(image, chosen.out)
        print(f"{image['tag']}  {image['bytes'] / 1e6:.0f} MB  {image['build_seconds']} s  {image['sbom']}")
        images.append(image)
    record = {
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "revision": said("git", "describe", "--always", "--dirty"),
        "built_on": platform.machine(),
        "base": chosen.base,
        "reference": joined(f"{registry}{NAME}:{chosen.tag}", images) if registry else None,
        "images": images,
    }
    path = chosen.out / "images.json"
    path.write_text(json.dumps(record, indent=1) + "\n")
    print(f"{path}" + (f"\nroll out: {record['reference']}" if registry else ""))


if __name__ == "__main__":
    main()
