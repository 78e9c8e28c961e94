"""What is typed of a store in Redis: its password shows nowhere, and what is wrong with it is said in words.

@gxp-spec SPEC-003-007 "Shared store in Redis"
@trace US-003-003
@test-type OQ
@gxp-risk HIGH
"""

from __future__ import annotations

import json
import logging
from pathlib import Path

import psutil
import pytest

from scanwatch import LocalGateway
from scanwatch._worker import WorkerConfig
from scanwatch.cli import main
from scanwatch.cli._secrets import without_store
from scanwatch.errors import ConfigurationError
from scanwatch.gateway import GatewayConfig
from scanwatch.storage._redis._examine import rights_for
from tests.faults.fleet import Member
from tests.redis_server import RedisServer, ask

SECRET = "s3cret-of-nobodys-business"


@pytest.mark.needs("redis")
@pytest.mark.parametrize("command", [("serve", "--port", "0"), ("worker",)])
def test_a_password_that_was_typed_is_in_no_list_of_processes_and_in_no_log(
    own_redis: RedisServer, tmp_path: Path, command: tuple[str, ...]
) -> None:
    ask(own_redis, "ACL", "SETUSER", "ada", "on", f">{SECRET}", *rights_for("scanwatch").split())
    url = own_redis.url.replace("redis://", f"redis://ada:{SECRET}@")
    member = Member(tmp_path, "typed", *command, "--store", url, "--log-level", "debug")
    try:
        member.wait_until_ready()
        words = psutil.Process(member.pid).cmdline()
        assert command[0] in words
        assert SECRET not in " ".join(words)
        assert member.stop() == 0
        assert SECRET not in member.words()
    finally:
        member.kill()


def test_the_store_alone_is_taken_from_the_words() -> None:
    typed = ["serve", "--store", "redis://a", "--port", "0", "--store=redis://b"]
    assert without_store(typed) == (["serve", "--port", "0"], "redis://b")
    assert without_store(["serve", "--port", "0"]) == (["serve", "--port", "0"], None)


def test_a_configuration_does_not_show_its_store() -> None:
    url = f"redis://ada:{SECRET}@redis.example.org/0"
    assert SECRET not in f"{GatewayConfig(store=url)!r}{WorkerConfig(store=url)!r}"


@pytest.mark.parametrize(
    ("url", "code", "says"),
    [
        (f"redis://ada:{SECRET}@127.0.0.1:9/0", 4, "The store redis://127.0.0.1:9/0 cannot be used: nothing answers"),
        (f"redis://ada:{SECRET}@host/zero", 2, "the database after the host is a number"),
        (f"redys://ada:{SECRET}@host", 2, "names no kind of store"),
    ],
)
def test_serve_says_what_is_wrong_and_ends(
    url: str, code: int, says: str, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    assert main(["serve", "--port", "0", "--store", url]) == code
    told = capsys.readouterr()
    assert says in told.err
    assert SECRET not in told.err + told.out + caplog.text


def test_a_local_gateway_has_no_store_in_redis() -> None:
    with pytest.raises(ConfigurationError, match="scanwatch serve"):
        LocalGateway(f"redis://ada:{SECRET}@127.0.0.1:9/0")


# Doctor


def examined(url: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, dict[str, str]]]:
    """The exit code of ``scanwatch doctor``, and what it says of the store, by subject."""
    code = main(["doctor", "--json", "--store", url])
    said = capsys.readouterr().out
    assert SECRET not in said
    checks = [json.loads(line) for line in said.splitlines()]
    return code, {check["subject"]: check for check in checks if check["topic"] == "Store"}


@pytest.mark.needs("redis")
def test_doctor_finds_nothing_wrong_with_a_redis_that_keeps_what_it_is_given(
    own_redis: RedisServer, capsys: pytest.CaptureFixture[str]
) -> None:
    ask(own_redis, "CONFIG", "SET", "maxmemory", "100mb")
    code, found = examined(own_redis.url, capsys)
    assert code == 0
    assert {subject: check["state"] for subject, check in found.items()} == dict.fromkeys(
        ("answers", "version", "mode", "durability", "eviction", "memory", "rights", "contents"), "ok"
    )
    assert "nothing below scanwatch:" in found["contents"]["words"]


@pytest.mark.needs("redis")
@pytest.mark.parametrize(
    ("setting", "subject", "remedy"),
    [
        (("appendonly", "no"), "durability", "CONFIG SET appendonly yes"),
        (("maxmemory-policy", "allkeys-lru"), "eviction", "CONFIG SET maxmemory-policy noeviction"),
        (("maxmemory", "1mb"), "memory", "raise maxmemory"),
    ],
)
def test_doctor_names_the_setting_that_loses_scans_and_the_remedy(
    own_redis: RedisServer,
    capsys: pytest.CaptureFixture[str],
    setting: tuple[str, str],
    subject: str,
    remedy: str,
) -> None:
    ask(own_redis, "CONFIG", "SET", *setting)
    code, found = examined(own_redis.url, capsys)
    assert (code, found[subject]["state"]) == (2, "wrong")
    assert remedy in found[subject]["remedy"]


@pytest.mark.needs("redis")
def test_doctor_tells_a_replica_and_a_user_without_rights(
    own_redis: RedisServer, capsys: pytest.CaptureFixture[str]
) -> None:
    ask(own_redis, "ACL", "SETUSER", "ada", "on", f">{SECRET}", "~scanwatch:*", "+@all", "-xadd")
    code, found = examined(own_redis.url.replace("redis://", f"redis://ada:{SECRET}@"), capsys)
    assert (code, found["rights"]["words"]) == (2, "user ada may not do XADD")
    assert found["rights"]["remedy"] == f"ACL SETUSER ada {rights_for('scanwatch')}"
    ask(own_redis, "REPLICAOF", "127.0.0.1", "9")
    code, found = examined(own_redis.url, capsys)
    assert (code, found["mode"]["remedy"]) == (2, "give its primary, 127.0.0.1:9")


def test_doctor_ends_with_4_when_nothing_answers(capsys: pytest.CaptureFixture[str]) -> None:
    code, found = examined(f"redis://ada:{SECRET}@127.0.0.1:9/0", capsys)
    assert (code, found["answers"]["state"]) == (4, "unreachable")


def test_doctor_looks_at_a_store_that_is_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, found = examined(f"sqlite:///{tmp_path / 'scans.db'}", capsys)
    assert (code, found["keeps scans in"]["state"]) == (0, "ok")
