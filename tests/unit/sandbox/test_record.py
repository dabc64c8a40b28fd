import subprocess
import sys

from mlsandbox.ground.record import Phase, ProcessId, Record


def test_a_process_is_found_only_while_it_runs() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        identity = ProcessId.of(process.pid)
        found = identity.find()
        assert found is not None and found.pid == process.pid
    assert identity.find() is None


def test_a_zombie_process_is_not_found() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        identity = ProcessId.of(process.pid)
        found = identity.find()
        assert found is not None and process.stdin is not None
        process.stdin.close()
        while found.status() != "zombie":
            pass
        assert identity.find() is None


def test_another_process_with_the_same_pid_is_not_found() -> None:
    me = ProcessId.of()
    assert me.find() is not None
    assert me.model_copy(update={"uptime_s": me.uptime_s - 60}).find() is None


def test_a_record_is_the_same_after_a_round_trip_through_json() -> None:
    record = Record(process=ProcessId.of(), phase=Phase.READY, versions={"moto": "5"})
    assert Record.model_validate_json(record.model_dump_json()) == record
    assert record.alive()
