"""What can be typed: the commands, their options and their help."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NoReturn

from .._version import __version__
from .._worker import WORKER_OPTIONS
from ..errors import UsageError
from ..gateway import OPTIONS, Option, seconds_of
from ._exit import Exit

_UNKNOWN = "not known here: "
_METAVARS = {int: "N", float: "N", str: "TEXT", tuple: "A,B"}

COMMANDS = ("serve", "worker", "scan", "watch", "cancel", "replay", "token", "demo", "doctor")

_EPILOG = """\
examples:
  scanwatch demo                                     see it work, without a server to set up
  scanwatch scan .                                   scan this checkout and watch it
  scanwatch scan 'sim://acme/payments?files=150'     rehearse with a simulated scan
  scanwatch watch                                    watch every scan of your gateway
  scanwatch serve --port 8700                        run a gateway for others

environment:
  SCANWATCH_URL, SCANWATCH_TOKEN   the gateway to use, and its token; without a URL, one of your own is started
  SCANWATCH_HOME                   where your own gateway keeps its scans

exit codes:
  0 completed   1 failed   2 wrong use or configuration   3 cancelled   4 gateway unreachable   130 interrupted
"""
_SERVE = """\
examples:
  scanwatch serve
  scanwatch serve --port 0 --store memory:
  SCANWATCH_TOKEN=$(openssl rand -hex 24) scanwatch serve --host 0.0.0.0 --store sqlite:////var/lib/scanwatch/scans.db

It prints one line, "Gateway ready at http://HOST:PORT", when it listens, and ends with Ctrl-C.
Every option may come from the environment (--keep-events: SCANWATCH_KEEP_EVENTS) or a file (--config gateway.toml:
keep_events = "7d"); a flag outweighs the environment, that the file. Durations are written 90d, 12h, 30m or 45s.
"""
_WORKER = """\
examples:
  scanwatch serve --store redis://127.0.0.1:6379/0 --port 8700
  scanwatch worker --store redis://127.0.0.1:6379/0 --concurrency 3
  scanwatch worker --store rediss://scanner:PASSWORD@redis.example.org:6379/0 --metrics-port 9464 --log-format json

It prints one line, "Worker ready: ...", when it takes jobs. Ctrl-C or SIGTERM: it takes no more, running scans may go
on for --grace, and what has not ended by then is handed back to the queue. The scans of a worker that dies are taken
over by any other after --lock. Every option may come from the environment (SCANWATCH_CONCURRENCY) or a file (--config
worker.toml).

exit codes:
  0 stopped in good order   2 wrong use or configuration   4 the store is not reached   130 interrupted twice
"""
_SCAN = """\
examples:
  scanwatch scan .
  scanwatch scan https://git.example.org/acme/payments.git --option ref=main
  scanwatch scan 'sim://acme/payments?files=150&duration_s=8&fail=fetch:1' --json
  scanwatch scan . --detach

Ctrl-C stops watching, never the scan.
"""
_WATCH = """\
examples:
  scanwatch watch                                            every scan, new ones included, until Ctrl-C
  scanwatch watch 9cc8a5d2-3f0e-4a37-9b1c-5f1f6f0c2a11        one scan, until it ends
  scanwatch watch --json | jq .message
  scanwatch watch --timeout 60 9cc8a5d2-3f0e-4a37-9b1c-5f1f6f0c2a11

In a terminal the bars are live; in a pipe there is a line for each phase, attempt and end. Ctrl-C stops watching,
never a scan. A gateway that goes away is waited for: the bars, or a line on stderr, say so.
"""
_DOCTOR = """\
examples:
  scanwatch doctor
  scanwatch doctor --gateway https://gateway.example.org
  scanwatch doctor --store redis://redis.example.org:6379/0

It changes nothing and starts no gateway. Exit codes: 0 nothing is wrong, 2 something is, 4 the gateway is not reached.
"""
_CANCEL = """\
examples:
  scanwatch cancel 9cc8a5d2-3f0e-4a37-9b1c-5f1f6f0c2a11
  scanwatch cancel 9cc8a5d2-3f0e-4a37-9b1c-5f1f6f0c2a11 && scanwatch watch 9cc8a5d2-3f0e-4a37-9b1c-5f1f6f0c2a11

A scan is "cancelling" until its worker confirms; one that was about to complete may complete all the same.
Asking again, or for a scan that has ended, changes nothing and is no error.
"""
_REPLAY = """\
examples:
  scanwatch watch --record incident.jsonl
  scanwatch replay incident.jsonl --speed 10
  scanwatch replay incident.jsonl --speed inf --json
"""
_TOKENS_HELP = """\
examples:
  scanwatch token create --name ada --role operator --repository 'https://git.example.org/acme/**' --expires 30d
  scanwatch token list
  scanwatch token revoke 9cc8a5d2-3f0e-4a37-9b1c-5f1f6f0c2a11

A store has one owner. While a gateway serves the store, the command asks that gateway (the one --gateway or
SCANWATCH_URL names, with SCANWATCH_TOKEN, or the one found beside --store); otherwise it opens the store itself.
Making and revoking tokens needs the gateway's own token. A revoked token's live connections end at once.
"""
_DEMO = """\
Starts a gateway of its own, runs two simulated scans (one fails its first attempt and is tried again) and a real
scan of a checkout, shows them live, and prints the tables. Leaves nothing behind.
"""


class Parser(argparse.ArgumentParser):
    """A parser whose complaints name the close match and the remedy, and end with exit code 2."""

    def __init__(self, **options: Any) -> None:
        super().__init__(formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False, **options)

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Complain here of what is not known: the command knows its own options, the program above it does not."""
        parsed, unknown = super().parse_known_args(args, namespace)
        if unknown:
            self.error(f"{_UNKNOWN}{' '.join(unknown)}")
        return parsed, unknown

    def error(self, message: str) -> NoReturn:
        self.exit(Exit.WRONG_USE, f"{self.prog}: {message}{self._guess(message)}\nTry: {self.prog} --help\n")

    def _guess(self, message: str) -> str:
        if not message.startswith(_UNKNOWN):
            return ""
        word = message.removeprefix(_UNKNOWN).split()[0].partition("=")[0]
        known = [option for action in self._actions for option in action.option_strings]
        close = get_close_matches(word, known, n=1)
        return f". Did you mean {close[0]}?" if close else ""


def refuse_misspelt_command(words: list[str]) -> None:
    """Raise ``UsageError`` if the first word looks like a command and is none."""
    if not words or words[0].startswith("-") or words[0] in COMMANDS:
        return
    close = get_close_matches(words[0], COMMANDS, n=1)
    guess = f" Did you mean {close[0]!r}?" if close else ""
    raise UsageError(f"There is no command {words[0]!r}.{guess} Commands: {', '.join(COMMANDS)}.")


def make_parser() -> Parser:
    """The whole command line."""
    parser = Parser(prog="scanwatch", description="Trigger, watch and tabulate long repository scans.", epilog=_EPILOG)
    parser.add_argument("--version", action="version", version=f"scanwatch {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    _add_serve(commands)
    _add_worker(commands)
    _add_scan(commands)
    _add_watch(commands)
    _add_replay(commands)
    _add_cancel(commands)
    _add_token(commands)
    _add_demo(commands)
    _add_doctor(commands)
    return parser


def _add_serve(commands: Any) -> None:
    serve = commands.add_parser("serve", help="run a gateway", description="Run a gateway.", epilog=_SERVE)
    serve.add_argument("--config", type=Path, metavar="FILE", help="a TOML file with any of the options below")
    for option in OPTIONS:
        _add_option(serve, option)
    serve.add_argument("--until-stdin-closes", action="store_true", help=argparse.SUPPRESS)


def _add_worker(commands: Any) -> None:
    words = "run the scans of gateways that share a Redis"
    worker = commands.add_parser("worker", help=words, description="Take jobs and run their scans.", epilog=_WORKER)
    worker.add_argument("--config", type=Path, metavar="FILE", help="a TOML file with any of the options below")
    for option in WORKER_OPTIONS:
        _add_option(worker, option)


def _add_option(serve: argparse.ArgumentParser, option: Option) -> None:
    """One option as a flag; one not typed is not there, so that "forever" can be told from it."""
    words = f"{option.words} ({option.default})".replace("`", "").replace("%", "%%")
    if option.kind is bool:
        serve.add_argument(
            option.flag, dest=option.field, default=argparse.SUPPRESS, action=argparse.BooleanOptionalAction, help=words
        )
        return
    if option.secret:
        words = f"file with {words}; else {option.variable}"
        serve.add_argument(
            option.flag, dest=option.field, default=argparse.SUPPRESS, type=_secret, metavar="FILE", help=words
        )
        return
    metavar = "TIME" if option.duration else "|".join(option.choices) or _METAVARS[option.kind]
    action = "extend" if option.kind is tuple else "store"
    serve.add_argument(
        option.flag,
        dest=option.field,
        default=argparse.SUPPRESS,
        action=action,
        type=_reader(option),
        metavar=metavar,
        help=words,
    )


def _reader(option: Option) -> Callable[[str], Any]:
    def read(text: str) -> Any:
        try:
            return option.read(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return read


def _secret(file: str) -> str:
    try:
        return Path(file).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise argparse.ArgumentTypeError(f"the file {file} cannot be read: {error}") from error


def _add_scan(commands: Any) -> None:
    scan = commands.add_parser("scan", help="scan a target and watch it", description="Scan TARGET.", epilog=_SCAN)
    scan.add_argument("target", metavar="TARGET", help="a path, https://..., ssh://..., file://... or sim://...")
    scan.add_argument(
        "--option", action="append", default=[], metavar="NAME=VALUE", help="an option of the scanner; repeatable"
    )
    scan.add_argument("--detach", action="store_true", help="print the scan's id and do not watch")
    _add_watching(scan)


def _add_watch(commands: Any) -> None:
    watch = commands.add_parser("watch", help="watch scans", description="Watch scans.", epilog=_WATCH)
    watch.add_argument("ids", metavar="ID", nargs="*", help="scans to watch until they end; none: every scan")
    _add_watching(watch)


def _add_cancel(commands: Any) -> None:
    cancel = commands.add_parser("cancel", help="ask scans to stop", description="Ask scans to stop.", epilog=_CANCEL)
    cancel.add_argument("ids", metavar="ID", nargs="+", help="the scans")
    _add_gateway(cancel)
    cancel.add_argument("--json", action="store_true", help="how each stands as a line of JSON")


def _add_replay(commands: Any) -> None:
    words = "show a recording as it was watched"
    replay = commands.add_parser(
        "replay", help=words, description="Show a recording, without a gateway.", epilog=_REPLAY
    )
    replay.add_argument("recording", metavar="PATH", type=Path, help="what `--record PATH` or client.record() wrote")
    replay.add_argument(
        "--speed", type=float, default=1.0, metavar="N", help="how many times faster; inf: at once (%(default)g)"
    )
    replay.add_argument("--json", action="store_true", help="every event as a line of JSON")


def _add_token(commands: Any) -> None:
    words = "make, list and revoke tokens for others"
    token = commands.add_parser("token", help=words, description="Tokens for others.", epilog=_TOKENS_HELP)
    acts = token.add_subparsers(dest="act", metavar="ACT", required=True)
    create = acts.add_parser("create", help="make a token and show it, once", epilog=_TOKENS_HELP)
    create.add_argument("--name", required=True, help="whose it is; scans say they were requested by it")
    create.add_argument("--role", choices=("viewer", "operator"), default="viewer", help="what it is for (%(default)s)")
    create.add_argument(
        "--repository",
        action="append",
        metavar="ID|TARGET",
        help="a repository it covers: an id, a target, or a pattern (* one part, ** any); repeatable (all)",
    )
    create.add_argument(
        "--expires", type=_duration, metavar="TIME", help="how long it is good for, such as 30d (no end)"
    )
    revoke = acts.add_parser("revoke", help="end a token at once, and its connections", epilog=_TOKENS_HELP)
    revoke.add_argument("id", metavar="ID", help="the token's id, as `scanwatch token list` shows it")
    for act in (create, acts.add_parser("list", help="show all tokens, without the tokens themselves"), revoke):
        act.add_argument("--gateway", metavar="URL", help="the gateway to ask (else SCANWATCH_URL)")
        act.add_argument("--store", metavar="URL", help="the store, of a gateway that runs or not (your own scans.db)")
        act.add_argument("--json", action="store_true", help="print JSON")


def _duration(text: str) -> float:
    try:
        return seconds_of(text)
    except ValueError:
        raise argparse.ArgumentTypeError("must be a duration, such as 90d, 12h, 30m or 45s") from None


def _add_watching(command: argparse.ArgumentParser) -> None:
    _add_gateway(command)
    command.add_argument("--json", action="store_true", help="every event as a line of JSON")
    command.add_argument(
        "--record", type=Path, metavar="PATH", help="write down what is received, for `scanwatch replay PATH`"
    )
    command.add_argument(
        "--timeout",
        type=_seconds,
        metavar="S",
        help="stop watching after so many seconds (exit 1, or 4 if the gateway does not answer then); scans go on",
    )


def _add_gateway(command: argparse.ArgumentParser) -> None:
    command.add_argument("--gateway", metavar="URL", help="the gateway (else SCANWATCH_URL, else one of your own)")


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds < math.inf:
        raise argparse.ArgumentTypeError("must be a number of seconds, 0 or more")
    return seconds


def _add_demo(commands: Any) -> None:
    demo = commands.add_parser("demo", help="see it work", description=_DEMO)
    demo.add_argument(
        "--checkout", type=Path, metavar="PATH", help="the git checkout to scan (the current directory, if it has .gxp)"
    )


def _add_doctor(commands: Any) -> None:
    words = "say what is installed, which gateway is used, and what is wrong"
    check = commands.add_parser("doctor", help=words, description="Look for what is wrong.", epilog=_DOCTOR)
    _add_gateway(check)
    check.add_argument(
        "--store", metavar="URL", help="look at a store in place of a gateway; one in Redis is told in detail"
    )
    check.add_argument("--json", action="store_true", help="every check as a line of JSON")


__all__ = ["COMMANDS", "Parser", "make_parser", "refuse_misspelt_command"]
