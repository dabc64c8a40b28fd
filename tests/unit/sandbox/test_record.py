import subprocess
import sys

from mlsandbox.host.record import Phase, ProcessId, Record


def test_a_process_is_found_while_it_runs_and_not_afterwards() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        identity = ProcessId.of(process.pid)
        found = identity.find()
        assert found is not None and found.pid == process.pid
    assert identity.find() is None


def test_a_process_that_ended_but_was_not_waited_for_is_gone() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        identity = ProcessId.of(process.pid)
        found = identity.find()
        assert found is not None and process.stdin is not None
        process.stdin.close()
        while found.status() != "zombie":
            pass
        assert identity.find() is None


def test_another_process_with_the_same_number_is_not_taken_for_it() -> None:
    me = ProcessId.of()
    assert me.find() is not None
    assert me.model_copy(update={"uptime_s": me.uptime_s - 60}).find() is None


def test_a_record_survives_its_file() -> None:
    record = Record(process=ProcessId.of(), phase=Phase.READY, versions={"moto": "5"})
    assert Record.model_validate_json(record.model_dump_json()) == record
    assert record.alive()
