"""The bill of materials of an image: read from its file system, whatever else lies there."""

import io
import json
import subprocess
import sys
import tarfile
from pathlib import Path

from tools.image_sbom import bill

ROOT = Path(__file__).resolve().parents[2]
SITE = "opt/edgeprint/lib/python3.11/site-packages"
FILES = {
    "var/lib/dpkg/status": "Package: libc6\nStatus: install ok installed\nArchitecture: arm64\n"
    "Version: 2.36-9+deb12u9\n\nPackage: gone\nStatus: deinstall ok config-files\n"
    "Architecture: arm64\nVersion: 1\n",
    f"{SITE}/ai_edge_litert-2.3.0.dist-info/METADATA": "Name: ai_edge.litert\nVersion: 2.3.0\n"
    "License-Expression: Apache-2.0\n\nName: a word of the description\n",
    f"{SITE}/numpy/METADATA": "Name: no package\nVersion: 0\n",
}


def root(files: dict[str, str], prefix: str = "") -> io.BytesIO:
    """A tar of these files."""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as archive:
        for name, text in files.items():
            member = tarfile.TarInfo(prefix + name)
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))
    data.seek(0)
    return data


def test_packages_of_debian_and_python_are_named_with_their_versions() -> None:
    found = bill("edge", "sha256:1", root(FILES))["components"]
    assert [each["purl"] for each in found] == [
        "pkg:deb/debian/libc6@2.36-9%2Bdeb12u9?arch=arm64",
        "pkg:pypi/ai-edge-litert@2.3.0",
    ]
    assert found[1]["licenses"] == [{"expression": "Apache-2.0"}]


def test_the_same_image_gives_the_same_bill() -> None:
    turned = dict(reversed(FILES.items()))
    assert bill("edge", "1", root(FILES)) == bill("edge", "1", root(turned, prefix="./"))


def test_another_package_gives_another_serial_number() -> None:
    fewer = {"var/lib/dpkg/status": FILES["var/lib/dpkg/status"]}
    assert bill("edge", "1", root(FILES))["serialNumber"] != bill("edge", "1", root(fewer))["serialNumber"]


def test_the_command_reads_an_export_from_its_input() -> None:
    command = [sys.executable, "tools/image_sbom.py", "edge", "1"]
    done = subprocess.run(command, input=root(FILES).read(), capture_output=True, check=True, cwd=ROOT)
    assert json.loads(done.stdout) == bill("edge", "1", root(FILES))
