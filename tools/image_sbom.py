"""What is inside an image: a software bill of materials, CycloneDX 1.5 as JSON.

    docker create --name look edgeprint-edge:dev
    docker export look | python tools/image_sbom.py edgeprint-edge dev > edge.cdx.json

It reads the file system alone, so that an arm64 image needs no emulation: Debian's packages from dpkg's
status, Python's from their dist-info, each with version, licence where it is named, and package URL.
https://cyclonedx.org/docs/1.5/json/
"""

from __future__ import annotations

import json
import re
import sys
import tarfile
import uuid
from collections.abc import Iterator
from email.parser import HeaderParser
from typing import IO, Any
from urllib.parse import quote

DPKG_STATUS = "var/lib/dpkg/status"
Component = dict[str, Any]


def bill(name: str, version: str, root: IO[bytes]) -> dict[str, Any]:
    """The bill of an image whose file system comes as a tar; the same image gives the same bill."""
    found = {each["purl"]: each for each in components(root)}
    ordered = [found[purl] for purl in sorted(found)]
    seed = json.dumps([name, version, ordered], sort_keys=True)
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.5.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, seed)}",
        "version": 1,
        "metadata": {
            "tools": {"components": [{"type": "application", "name": "edgeprint image_sbom"}]},
            "component": {"type": "container", "bom-ref": "image", "name": name, "version": version},
        },
        "components": ordered,
        "dependencies": [{"ref": "image", "dependsOn": [each["bom-ref"] for each in ordered]}],
    }


def components(root: IO[bytes]) -> Iterator[Component]:
    """Every package that the file system says is installed."""
    with tarfile.open(fileobj=root, mode="r|*") as archive:
        for member in archive:
            path = member.name.removeprefix("./")
            if not member.isfile() or not (path == DPKG_STATUS or path.endswith(".dist-info/METADATA")):
                continue
            file = archive.extractfile(member)
            assert file is not None
            text = file.read().decode("utf-8", "replace")
            yield from debian(text) if path == DPKG_STATUS else python(text)


def debian(status: str) -> Iterator[Component]:
    """The installed packages of dpkg's status file."""
    for stanza in status.split("\n\n"):
        fields = HeaderParser().parsestr(stanza)
        if fields.get("Status", "").endswith(" installed"):
            name, version = fields["Package"], fields["Version"]
            purl = f"pkg:deb/debian/{quote(name)}@{quote(version, safe='')}?arch={fields['Architecture']}"
            yield component(name, version, purl)


def python(metadata: str) -> Iterator[Component]:
    """The one package of a dist-info's METADATA; its name in a package URL is as PEP 503 has it."""
    fields = HeaderParser().parsestr(metadata)
    name, version = fields["Name"], fields["Version"]
    purl = f"pkg:pypi/{re.sub('[-_.]+', '-', name).lower()}@{quote(version)}"
    yield component(name, version, purl, fields.get("License-Expression"))


def component(name: str, version: str, purl: str, licence: str | None = None) -> Component:
    found = {"type": "library", "bom-ref": purl, "name": name, "version": version, "purl": purl}
    return {**found, "licenses": [{"expression": licence}]} if licence else found


def main() -> None:
    if len(sys.argv) != 3 or sys.stdin.isatty():
        sys.exit(f"usage: docker export CONTAINER | python {sys.argv[0]} NAME VERSION > bill.cdx.json")
    json.dump(bill(sys.argv[1], sys.argv[2], sys.stdin.buffer), sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()
