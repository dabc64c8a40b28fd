from pathlib import Path

import pytest

from mlsandbox.ground import files


def test_a_failed_write_keeps_the_old_file_and_leaves_no_temporary_file(tmp_path: Path) -> None:
    path = tmp_path / "record"
    files.replace(path, "old")
    with pytest.raises(UnicodeEncodeError):
        files.replace(path, "\ud800")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_by_default_only_the_owner_can_read_a_file(tmp_path: Path) -> None:
    files.replace(tmp_path / "secret", "")
    files.replace(tmp_path / "program", "", mode=0o755)
    assert (tmp_path / "secret").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "program").stat().st_mode & 0o777 == 0o755


def test_the_tail_of_a_log_skips_empty_lines_and_replaces_invalid_bytes(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(b"first\n" + b"x" * 200_000 + b"\nbad \xff\n\n\nlast\n\n")
    assert files.tail(log, 2) == "bad \N{REPLACEMENT CHARACTER}\nlast"
    assert files.tail(tmp_path / "none") == ""


def test_the_older_part_of_a_long_log_is_removed_while_it_is_written(tmp_path: Path) -> None:
    log = tmp_path / "api.log"
    with log.open("ab", buffering=0) as writer:
        for number in range(1000):
            writer.write(b"line %d\n" % number)
        files.bound(log, log.stat().st_size)
        assert log.read_text().startswith("line 0\n")
        files.bound(log, 4000)
        kept = log.read_text().splitlines()
        assert kept[-1] == "line 999"
        assert kept == [f"line {number}" for number in range(1000 - len(kept), 1000)]
        assert 500 < log.stat().st_size <= 1000
        writer.write(b"next\n")
    assert log.read_text().splitlines()[-2:] == ["line 999", "next"]
    files.bound(tmp_path / "none.log", 1)
