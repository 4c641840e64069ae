"""The process that atheris drives; its arguments are libFuzzer's, the first the folder for findings.

A fault does not end the run: the shortest input of each is kept in that folder.
"""

import hashlib
import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["edgeprint"]):
    import edgeprint.packets.decode  # noqa: F401

import both_ways

from fuzz.findings import fault
from fuzz.reader import FileInMemory, check


def main(folder: Path, arguments: list[str]) -> None:
    file = FileInMemory()

    def look_at(content: bytes) -> None:
        wrong = fault(lambda content: check(content, file), content)
        if wrong:
            path = folder / hashlib.sha256(wrong.encode()).hexdigest()[:12]
            if not path.exists() or path.stat().st_size > len(content):
                path.write_bytes(content)

    with both_ways.interpreted():
        atheris.Setup([sys.argv[0], *arguments], look_at)
        atheris.Fuzz()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
