"""A gateway is told things in three ways, and misspelt ones are refused by name.

@gxp-spec SPEC-003-004 "Gateway REST"
@trace US-003-002
@test-type OQ
@gxp-risk HIGH
"""

from __future__ import annotations

import dataclasses
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from scanwatch.cli._parser import make_parser
from scanwatch.errors import ConfigurationError
from scanwatch.gateway import OPTIONS, GatewayConfig, gather
from scanwatch.gateway._options import table

ROOT = Path(__file__).parents[2]
BY_NAME = {option.name: option for option in OPTIONS}


def told(tmp_path: Path, *flags: str, file: str | None = None, **environment: str) -> GatewayConfig:
    """The configuration that ``scanwatch serve`` would have."""
    written = None
    if file is not None:
        written = tmp_path / "gateway.toml"
        written.write_text(file, encoding="utf-8")
    typed = vars(make_parser().parse_args(["serve", *flags]))
    given = {option.field: typed[option.field] for option in OPTIONS if option.field in typed}
    return GatewayConfig(**gather(OPTIONS, flags=given, environment=environment, file=written))


def test_a_flag_outweighs_the_environment_that_the_file_and_that_the_default(tmp_path: Path) -> None:
    file = "port = 1\nconcurrency = 1\nattempts = 1\n"
    environment = {"SCANWATCH_PORT": "2", "SCANWATCH_CONCURRENCY": "2"}
    config = told(tmp_path, "--port", "3", file=file, **environment)
    assert (config.port, config.concurrency, config.attempts, config.host) == (3, 2, 1, "127.0.0.1")


def test_every_kind_of_value_is_read_from_text_and_from_toml(tmp_path: Path) -> None:
    file = """
        port = 8701
        backoff = 2
        keep = "30d"
        keep_events = "forever"
        allow_local_paths = false
        allow_origin = ["https://a.example", "https://b.example"]
        log_format = "json"
    """
    text = {
        "SCANWATCH_PORT": "8701",
        "SCANWATCH_BACKOFF": "2s",
        "SCANWATCH_KEEP": "720h",
        "SCANWATCH_KEEP_EVENTS": "never",
        "SCANWATCH_ALLOW_LOCAL_PATHS": "No",
        "SCANWATCH_ALLOW_ORIGIN": "https://a.example, https://b.example",
        "SCANWATCH_LOG_FORMAT": "json",
    }
    flags = ["--port=8701", "--backoff=2", "--keep=30d", "--keep-events=forever", "--no-allow-local-paths"]
    flags += ["--allow-origin=https://a.example", "--allow-origin=https://b.example", "--log-format=json"]
    config = told(tmp_path, file=file)
    assert config == told(tmp_path, **text)
    typed = told(tmp_path, *flags)
    assert dataclasses.replace(typed, allow_origins=tuple(typed.allow_origins)) == config
    assert (config.keep_s, config.keep_events_s, config.backoff_s) == (30 * 86400, None, 2.0)


@pytest.mark.parametrize(
    ("file", "words"),
    [
        ("prot = 1", "there is no option 'prot'. Did you mean 'port'?"),
        ("keep_event = '7d'", "Did you mean 'keep_events'?"),
        ("[gateway]\nport = 1", "there is no option 'gateway'"),
        ("port = '8700x'", "port must be a whole number, and is '8700x'"),
        ("port = true", "port must be a whole number"),
        ("keep = 'soon'", "keep must be a duration, such as 90d"),
        ("keep = nan", "keep is out of range: nan; forever has no end"),
        ("keep = inf", "keep is out of range"),
        ("keep = '36501d'", "keep is out of range"),
        ("backoff = '1e9d'", "must be a duration"),
        ("max_events_per_second = inf", "max_events_per_second is out of range: inf."),
        ("log_level = 'loud'", "must be one of debug, info, warning, error"),
        ("allow_origin = [1]", "must be a list of texts"),
        ("port = ", "cannot be read"),
    ],
)
def test_what_is_wrong_in_a_file_is_named_with_the_file(tmp_path: Path, file: str, words: str) -> None:
    with pytest.raises(ConfigurationError, match=re.escape(words)) as refusal:
        told(tmp_path, file=file)
    assert "gateway.toml" in str(refusal.value)


def test_a_secret_of_the_wrong_kind_is_not_shown(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as refusal:
        told(tmp_path, file="token = 123456789")
    assert "123456789" not in str(refusal.value)


@pytest.mark.parametrize("token", ["two\nlines", " a b", "sécret-", "\x00-", "x" * 1025])
def test_a_token_that_no_header_can_carry_is_refused_and_not_shown(token: str) -> None:
    with pytest.raises(ConfigurationError, match="cannot be sent in a header") as refusal:
        GatewayConfig(token=token)
    assert token not in str(refusal.value)


def test_a_file_that_is_not_there_is_said() -> None:
    with pytest.raises(ConfigurationError, match=r"nowhere\.toml cannot be read"):
        gather(OPTIONS, flags={}, environment={}, file=Path("nowhere.toml"))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--config", "nowhere.toml"], "nowhere.toml"),
        (["--keep-evnts", "7d"], "Did you mean --keep-events?"),
        (["--keep", "soon"], "must be a duration"),
        (["--allow-origin", "app.example.org"], "is no origin"),
        (["--host", f"{'x' * 80}.localhost"], "is no address of this machine"),
        (["--concurrency", "1001"], "concurrency must be at most 1000"),
    ],
)
def test_wrong_configuration_ends_with_2_and_no_traceback(words: list[str], said: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "scanwatch", "serve", "--store", "memory:", "--port", "0", *words],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_every_field_is_an_option_with_a_name_of_its_own_and_words() -> None:
    assert [option.field for option in OPTIONS] == [field.name for field in dataclasses.fields(GatewayConfig)]
    assert len(BY_NAME) == len({option.flag for option in OPTIONS}) == len(OPTIONS)
    assert all(option.words for option in OPTIONS)


def test_a_default_reads_as_itself() -> None:
    config = GatewayConfig()
    for option in OPTIONS:
        default = getattr(config, option.field)
        if option.duration and default is not None:
            assert option.read(option.default) == default, option.name


def test_the_table_in_the_docs_has_every_option_once(tmp_path: Path) -> None:
    rows = table(OPTIONS).splitlines()[2:]
    assert [row.split("`")[1] for row in rows] == [option.flag for option in OPTIONS]
    site = tmp_path / "site"
    command = [sys.executable, "-m", "mkdocs", "build", "--quiet", "--site-dir", str(site)]
    subprocess.run(command, cwd=ROOT, check=True, timeout=120, capture_output=True)
    page = (site / "configuration.html").read_text(encoding="utf-8")
    flags = re.findall(r"<tr>\s*<td><code>(--[\w-]+)</code></td>", page)
    assert flags == [option.flag for option in OPTIONS]


def test_secrets_are_not_shown(tmp_path: Path) -> None:
    config: Any = told(tmp_path, SCANWATCH_TOKEN="open-sesame")
    assert config.token == "open-sesame"
    assert "open-sesame" not in repr(config)
