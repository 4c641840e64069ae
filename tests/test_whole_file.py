"""A file or folder is replaced whole or left as it is."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from edgeprint import whole_file
from edgeprint.whole_file import replace_folder, replacing, write_whole

KILLED_WHILE_WRITING = """
import os, signal, sys
from pathlib import Path
from edgeprint.whole_file import replacing
with replacing(Path(sys.argv[1])) as file:
    file.write(b"half")
    file.flush()
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_new_file_takes_the_place_of_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "new" / "state"
    for data in (b"first", b"second"):
        write_whole(path, data)
        assert path.read_bytes() == data
    assert list(path.parent.iterdir()) == [path]


def test_an_error_while_writing_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "state"
    write_whole(path, b"old")
    with pytest.raises(ValueError, match="no number"), replacing(path) as file:
        file.write(b"half")
        raise ValueError("no number")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_kill_while_writing_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "state"
    write_whole(path, b"old")
    ended = subprocess.run([sys.executable, "-c", KILLED_WHILE_WRITING, str(path)], check=False)
    assert ended.returncode == -signal.SIGKILL
    assert path.read_bytes() == b"old"


def test_a_folder_has_its_name_only_when_all_that_is_in_it_is_on_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, folder, synced = tmp_path / "begun", tmp_path / "folder", []
    (begun / "inner").mkdir(parents=True)
    (begun / "inner/rows").write_bytes(b"new")
    folder.mkdir()
    (folder / "stale").touch()
    monkeypatch.setattr(whole_file, "sync", lambda path: synced.append((path, begun.exists())))
    replace_folder(begun, folder)
    assert {*synced} == {
        (begun / "inner/rows", True),
        (begun / "inner", True),
        (begun, True),
        (tmp_path, False),
    }
    assert (folder / "inner/rows").read_bytes() == b"new" and not (folder / "stale").exists()
