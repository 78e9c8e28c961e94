"""A gateway scans what it may, and nothing that only looks like a repository.

@gxp-spec SPEC-003-004 "Gateway REST"
@trace US-003-002
@test-type OQ
@gxp-risk HIGH
"""

from __future__ import annotations

import logging
import re
from ipaddress import ip_address
from pathlib import Path

import pytest

from scanwatch import wire
from scanwatch.errors import UsageError
from scanwatch.gateway import GatewayConfig
from scanwatch.gateway._targets import TargetRules, _is_public
from tests.gateway._access import guarded

paths = wire.paths


@pytest.mark.parametrize(
    "target",
    [
        "ext::sh -c id",
        "ext::https://x",
        "-uupload-pack=id",
        "--upload-pack=id",
        "ssh://-oProxyCommand=id/x",
        "ssh://-x@host/x",
        "https://host/x\n",
        "https://ho\x00st/x",
        "sim://acme/\u202egnp.exe",
        "https:///x",
        "https://host:port/x",
        "file://elsewhere/x",
        "",
        "   ",
        "sim://" + "x" * 2000,
    ],
)
def test_what_looks_like_an_option_or_a_command_is_refused(target: str) -> None:
    with pytest.raises(UsageError):
        TargetRules().check(target)


@pytest.mark.parametrize(
    "target", ["sim://acme/x?files=1", "https://git.example/a.git", "git@git.example:a/b", "/srv/a"]
)
def test_what_can_be_scanned_is_taken(target: str) -> None:
    TargetRules().check(target)


def test_only_allowed_schemes_are_taken() -> None:
    rules = TargetRules(schemes=("https", "sim"))
    rules.check("sim://acme/x")
    for target in ("ssh://git.example/x", "/srv/x", "file:///srv/x", "http://git.example/x"):
        with pytest.raises(UsageError, match="https, sim"):
            rules.check(target)


@pytest.mark.parametrize(
    "target",
    [
        *("https://ada:s3cret@git.example/x", "http://s3cret@git.example/x", " https://:s3cret@git.example/x"),
        *(
            "ssh://ada:s3cret@git.example/x",
            "sim://ada:s3cret@acme/x",
            "foo://ada:s3cret@acme/x",
            "ada:s3cret@git.example:x",
        ),
        *(
            "HTTPS://ada:p@s3cret@git.example/x",
            "https://ada%3As3cret@git.example/x",
            "https://ada:s3/cret@git.example/x",
        ),
    ],
)
async def test_a_secret_in_a_target_is_refused_and_not_repeated(target: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with guarded() as (gateway, admin):
        plain = await admin.register("sim://acme/plain")
        body = {"name": "x", "gitUrl": target}
        answers = [
            await admin.ask("POST", paths.repositories, json=body),
            await admin.ask("PATCH", paths.repository(plain), json={"gitUrl": target}),
        ]
        assert [status for status, _ in answers] == [400, 400]
        kept = [await admin.get(paths.repositories), await admin.get(paths.audit)]
        async with admin.session.get(f"{gateway.url}/{paths.metrics}") as metrics:
            said = f"{answers} {kept} {await metrics.text()} {caplog.text}"
        assert "s3cret" not in said
        assert "cret@" not in said


def test_the_refusal_of_a_secret_names_the_remedy_and_accounts_are_no_secrets() -> None:
    with pytest.raises(UsageError, match="credential helper"):
        TargetRules().check("https://ada:s3cret@git.example/x")
    for target in ("ssh://git@git.example/x", "git@git.example:a/b", "https://git.example/@ada/x", "sim://a/b@c"):
        TargetRules().check(target)


@pytest.mark.parametrize(
    ("target", "options", "words"),
    [
        ("sim://acme/x", {"fiels": 3}, "fiels.*Did you mean 'files'"),
        ("sim://acme/x", {"files": -1}, "files.*from 0"),
        ("sim://acme/x", {"fail": "fecth"}, "fecth.*Did you mean 'fetch'"),
        ("sim://acme/x", {"stall": "fetch:soon"}, "stall.*seconds"),
        ("sim://acme/x", {"quirk": "slow"}, "quirk"),
        ("https://git.example/x", {"reff": "main"}, "reff.*Did you mean ref"),
        ("https://git.example/x", {"ref": "--upload-pack=id"}, "ref"),
    ],
)
async def test_options_no_scan_could_have_are_refused_when_triggered(
    target: str, options: dict[str, object], words: str
) -> None:
    async with guarded() as (_, admin):
        repository = await admin.register(target)
        status, answer = await admin.ask("POST", paths.trigger(repository), json={"options": options})
        assert status == 400
        assert re.search(words, answer["message"])
        assert (await admin.get(paths.scans))["data"] == []


@pytest.mark.parametrize("query", ["fiels=3", "files=x", "files=1&files=2", "fail=never"])
async def test_options_in_a_target_are_looked_at_when_it_is_registered(query: str) -> None:
    async with guarded() as (_, admin):
        body = {"name": "x", "gitUrl": f"sim://acme/x?{query}"}
        status, answer = await admin.ask("POST", paths.repositories, json=body)
        assert (status, "option" in answer["message"]) == (400, True)


@pytest.mark.parametrize(
    "target",
    [
        "http://127.0.0.1/x",
        "https://localhost:8080/x",
        "https://10.1.2.3/x",
        "https://169.254.169.254/latest",
        "https://[::1]/x",
        "https://[::ffff:127.0.0.1]/x",
        "https://[fd00::1]/x",
        "https://2130706433/x",
        "https://0x7f.1/x",
        "https://0.0.0.0/x",
        "ssh://git@192.168.1.1/x",
        "git@127.0.0.1:x",
    ],
)
async def test_a_private_address_is_refused_however_it_is_spelt(target: str) -> None:
    await TargetRules().check_now(target)
    with pytest.raises(UsageError, match=r"private|cannot be found"):
        await TargetRules(private_addresses=False).check_now(target)


def test_addresses_that_hide_another_count_as_that_one() -> None:
    private = ["64:ff9b::7f00:1", "2002:7f00:1::", "::ffff:10.0.0.1", "224.0.0.1", "ff02::1", "100.64.0.1", "::"]
    assert [text for text in private if _is_public(ip_address(text))] == []
    assert all(_is_public(ip_address(text)) for text in ("93.184.215.14", "2606:4700::1111", "64:ff9b::5db8:d70e"))


def test_a_gateway_for_others_scans_neither_its_own_files_nor_its_own_network_unless_told() -> None:
    here, for_others = GatewayConfig(), GatewayConfig(host="0.0.0.0", token="x")
    assert (here.local_paths_allowed, here.private_targets_allowed) == (True, True)
    assert (for_others.local_paths_allowed, for_others.private_targets_allowed) == (False, False)
    told = GatewayConfig(host="0.0.0.0", token="x", allow_local_paths=True, allow_private_targets=True)
    assert (told.local_paths_allowed, told.private_targets_allowed) == (True, True)


async def test_targets_are_checked_when_registered_moved_triggered_and_tried_again(tmp_path: Path) -> None:
    store = f"sqlite:///{tmp_path / 'scans.db'}"
    async with guarded(store=store) as (_, admin):
        repository = await admin.register("http://127.0.0.1:9/x")
        scan = await admin.trigger(repository)
        await admin.ask("POST", paths.cancel(scan))
        await admin.until_ended(scan)
        simulated = await admin.register("sim://acme/x")
    async with guarded(store=store, allow_private_targets=False, allow_local_paths=False) as (_, admin):
        bodies = [{"name": "x", "gitUrl": target} for target in ("https://127.0.0.1/y", str(tmp_path))]
        asked = [("POST", paths.repositories, body) for body in bodies]
        asked += [("PATCH", paths.repository(simulated), {"gitUrl": body["gitUrl"]}) for body in bodies]
        asked += [("POST", paths.trigger(repository), None), ("POST", paths.retry(scan), None)]
        for method, path, body in asked:
            status, answer = await admin.ask(method, path, json=body)
            assert status == 400, (method, path, answer)
            assert "scans no" in answer["message"]
        assert (await admin.get(paths.scans))["pagination"]["total"] == 1
