"""What strangers send a gateway: nonsense of every kind, seeded, so that a run can be had again."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from urllib.parse import quote
from uuid import UUID

from scanwatch import wire

paths = wire.paths
NS = wire.NAMESPACE
SEPARATOR = "\x1e"
"""Between the packets of a poll."""
MIB = 1024 * 1024

_VALUES = (
    *(
        "null",
        "true",
        "0",
        "-1",
        "1.5",
        "1e999",
        "-0",
        "NaN",
        "Infinity",
        "9" * 400,
        "9" * 5000,
        '""',
        '"x"',
        "[]",
        "{}",
    ),
    *('"\\ud800"', '"\\u0000"', '"' + "x" * 5000 + '"', "[[],{}]", '{"a":1,"a":2}', "[" * 40 + "]" * 40),
    *(
        "[" * 3000,
        '{"a":' * 3000,
        "[" * 100_000,
        '["subscribe"',
        "'x'",
        "\ufeff{}",
        "{]",
        "00",
        '"\x01"',
        "\\",
        '{"":""}',
    ),
)
_TIMES = ("", "x", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "2026-13-01", "2026-01-01", "٢٠٢٦-01-01")
_TARGETS = (
    *(
        "sim://a/b?files=2&duration_s=0",
        "sim://a/b",
        "sim://",
        "sim://a/b?files=-1",
        "sim://a/b?fiels=3",
        "SIM://é/\U0001f4a9",
    ),
    *(
        "-uroot",
        "--upload-pack=x",
        "ext::sh -c id",
        "file:///nowhere",
        "file://host/x",
        "/nowhere",
        "",
        " ",
        "\x00",
        "a\nb",
    ),
    *(
        "https://user:secret@127.0.0.1:1/x",
        "https://[::1",
        "http://127.0.0.1:1/x",
        "ssh://-oProxyCommand=x/y",
        "x" * 3000,
    ),
    *("git@127.0.0.1:x", "ftp://x/y", "https://", "https://127.0.0.1:99999/x", "\u202e/x", "C:\\x", "../x", "~/x"),
)
_NUMBERS = (
    "0",
    "-1",
    "1",
    "x",
    "1.5",
    "",
    "9" * 30,
    "1e3",
    "٣",
    "+1",
    " 1",
    "0x10",
    "1_0",
    "100",
    "101",
    "NaN",
    "true",
)


@dataclass(frozen=True)
class Ask:
    """A request that HTTP allows."""

    method: str
    path: str
    body: bytes | None = None
    headers: dict[str, str] = field(default_factory=dict)


class Mischief:
    """Makes it up from a seed; ``ids`` are those of things that are there."""

    def __init__(self, seed: int, ids: tuple[str, ...] = ()) -> None:
        self.random = Random(seed)
        self._ids = ids

    def one(self, *makers: Callable[[], str] | str) -> str:
        made = self.random.choice(makers)
        return made if isinstance(made, str) else made()

    def bytes(self, most: int = 64) -> bytes:
        return self.random.randbytes(self.random.randrange(most))

    def id(self) -> str:
        known = list(self._ids) or [str(UUID(int=self.random.getrandbits(128)))]
        return self.one(
            *known,
            *known,
            lambda: str(UUID(int=self.random.getrandbits(128))),
            *("x", "%00", "..", "%2e%2e%2f", "%ff", "é", "'--", "{id}", "a" * 2000, "%F0%9F%92%A9", "0" * 36, "*"),
        )

    def value(self) -> str:
        return self.one(*_VALUES, lambda: json.dumps(self.id()), lambda: json.dumps(self.random.random()))

    def object(self, *names: str) -> str:
        """JSON, or nearly, with some of the keys that are meant."""
        if self.random.random() < 0.3:
            return self.value()
        some = [self.random.choice([*names, "x", names[0]]) for _ in range(self.random.randrange(5))]
        return "{" + ",".join(f'"{name}":{self.value()}' for name in some) + "}"

    def nearly(self) -> str:
        """JSON that is right but for a value or two, so that it gets far."""
        value = self.one("true", '"x"', self.value)
        target = json.dumps(self.random.choice(_TARGETS))
        option = self.one('"files"', '"duration_s"', '"seed"', '"fail"', '"stall"', '"quirk"', '"fiels"', '""', '"ref"')
        return self.one(
            f'{{"name":"x","gitUrl":{target}}}',
            f'{{"name":"x","gitUrl":{target},"description":{value},"scanIntervalMinutes":{value}}}',
            f'{{"options":{{{option}:{value}}}}}',
            f'{{"options":{value}}}',
            f'{{"name":"x","role":"viewer","repositories":[{target}],"expiresAt":{json.dumps(self.random.choice(_TIMES))}}}',
        )

    def wanted(self) -> str:
        """What ``subscribe`` is told, right but for a value or two."""
        one, value = json.dumps(self.id()), self.value()
        return self.one(
            *('{"all":true}', f'{{"scanIds":[{one}]}}', f'{{"scanIds":[{one},{one}],"after":{{{one}:{value}}}}}'),
            *(f'{{"all":{value},"scanIds":{value}}}', f'{{"scanIds":[{",".join([one] * 1500)}]}}'),
            *(f'{{"scanIds":[{one}],"after":{{{one}:{"9" * 30}}}}}', f'{{"scanIds":[{value}]}}'),
        )

    def query(self) -> str:
        names = ("page", "limit", "after", "status", "repository", "createdFrom", "createdBefore", "kind", "risk", "x")
        values = (*_NUMBERS, *_TIMES, "queued", "queued,failed", "%00", "%ff", "%", "a" * 300, "'", "&", "=", "#")
        pairs = [(self.random.choice(names), self.random.choice(values)) for _ in range(self.random.randrange(4))]
        return "&".join(f"{name}={quote(value, safe='%&=') if value else ''}" for name, value in pairs)

    def path(self) -> str:
        one = self.random.choice(
            [
                *(paths.repositories, paths.scans, paths.tokens, paths.audit, paths.ready, paths.metrics, paths.health),
                *(paths.repository("ID"), paths.trigger("ID"), paths.repository_scans("ID"), paths.scan("ID")),
                *(
                    paths.progress("ID"),
                    paths.events("ID"),
                    paths.artifacts("ID"),
                    paths.findings("ID"),
                    paths.annotations("ID"),
                    paths.evidence("ID"),
                ),
                *(paths.cancel("ID"), paths.retry("ID"), paths.token("ID"), paths.chain("ID", "ID")),
                *(paths.traceability("ID", "graph"), paths.documents("ID", "requirements"), paths.openapi),
                *("", "static/page.js", "static/../page.js", "static/%2e%2e/%2e%2e/_page.py", "static//etc/passwd"),
                *(
                    "static/" + "../" * 20 + "etc/passwd",
                    "api/v1/" + "x" * 3000,
                    "api/v1//scans",
                    ";",
                    "api/v1/%ff",
                    "%00",
                ),
            ]
        )
        return one.replace("ID", self.id())

    def request(self) -> Ask:
        """A request of any kind; some are such that much of the gateway sees them."""
        if self.random.random() < 0.3:
            return self._aimed()
        body = None
        if self.random.random() < 0.6:
            names = ("name", "gitUrl", "description", "autoScan", "scanIntervalMinutes", "options", "role", "expiresAt")
            text = self.one(lambda: self.object(*names, "repositories"), self.nearly)
            body = self.random.choice([text.encode(errors="replace"), text.encode(errors="replace"), self.bytes(), b""])
        method = self.one("GET", "GET", "POST", "POST", "PATCH", "DELETE", "PUT", "HEAD", "OPTIONS", "TRACE", "FOO")
        return Ask(method, f"{self.path()}?{self.query()}".replace(" ", "%20"), body, self.headers())

    def _aimed(self) -> Ask:
        known = self.random.choice(self._ids) if self._ids else self.id()
        method, path = self.random.choice(
            [
                *(("POST", paths.repositories), ("PATCH", paths.repository(known)), ("POST", paths.tokens)),
                *(("POST", paths.trigger(known)), ("POST", paths.retry(known)), ("POST", paths.cancel(known))),
                *(("GET", paths.scans), ("GET", paths.events(known)), ("GET", paths.repository_scans(known))),
            ]
        )
        body = self.nearly().encode(errors="replace") if method != "GET" else None
        return Ask(method, f"{path}?{self.query()}".replace(" ", "%20"), body)

    def headers(self) -> dict[str, str]:
        some = {
            "Content-Type": ("text/plain", "application/json; charset=utf-7", "multipart/form-data", "\xe9"),
            "X-Request-Id": ("x", "a" * 4000, "\xe9", "a b"),
            "Authorization": ("Bearer x", "Bearer ", "Basic eDp5", "Bearer " + "a." * 3000, "Bearer swk_x", "\xe9"),
            "If-None-Match": ("*", '"x', "W/", "a" * 3000),
            "Accept": ("text/html", "*/*;q=x"),
            "Content-Encoding": ("identity", "gzip", "deflate", "br"),
            "Range": ("bytes=0-", "bytes=9-1"),
            "Cookie": ("a=b; " * 200,),
            "Expect": ("100-continue", "x"),
        }
        names = self.random.sample(list(some), self.random.randrange(3))
        return {name: self.random.choice(some[name]) for name in names}

    def http(self) -> bytes:
        """What is no HTTP, or not all of it."""
        host = b"Host: 127.0.0.1\r\n"
        return self.random.choice(
            [
                self.bytes(300),
                b"GET / HTTP/1.1\r\n",
                b"GET / HTTP/9.9\r\n" + host + b"\r\n",
                b"GET /" + b"a" * 10_000 + b" HTTP/1.1\r\n" + host + b"\r\n",
                b"GET /api/v1/scans?" + b"status=x&" * 2000 + b" HTTP/1.1\r\n" + host + b"\r\n",
                b"GET / HTTP/1.1\r\n" + host + b"X: " + b"a" * 20_000 + b"\r\n\r\n",
                b"GET / HTTP/1.1\r\n" + host + b"X: a\r\n" * 20_000 + b"\r\n",
                b"GET / HTTP/1.1\r\n" + host + b"X\x00: a\r\n\r\n",
                b"GET / HTTP/1.1\r\n" + host + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\nzz\r\n",
                b"POST /api/v1/repositories HTTP/1.1\r\n" + host + b"Content-Length: 10\r\n\r\n{",
                b"POST /api/v1/repositories HTTP/1.1\r\n" + host + b"Content-Length: -1\r\n\r\n{}",
                b"POST /api/v1/repositories HTTP/1.1\r\n" + host + b"Content-Length: " + b"9" * 40 + b"\r\n\r\n{}",
                b"POST /api/v1/repositories HTTP/1.1\r\n" + host + b"Transfer-Encoding: chunked\r\n\r\nZZ\r\n",
                b"POST /api/v1/repositories HTTP/1.1\r\n"
                + host
                + b"Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\nxx",
                b"GET http://[/ HTTP/1.1\r\n" + host + b"\r\n",
                b"GET //%00 HTTP/1.1\r\n" + host + b"\r\n",
                b"CONNECT x:1 HTTP/1.1\r\n" + host + b"\r\n",
                b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
                b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
            ]
        )

    def packet(self) -> str:
        """A Socket.IO packet, or nearly."""
        namespace = self.one(
            *(f"{NS}," for _ in range(6)), "", "/", "/x,", f"{NS}?a=b,", "/" + "n" * 3000 + ",", f"{NS}"
        )
        number = self.one("", "", "1", "0", "9" * 99, "9" * 101, "-1", "1.5")
        name = self.one(
            *(
                '"subscribe"',
                '"unsubscribe"',
                '"subscribe"',
                '"connect"',
                '"disconnect"',
                '"connect_error"',
                '"gateway"',
            ),
            *("null", "1", "[]", "{}", '"*"', '"' + "e" * 3000 + '"', '"__class__"', '"message"'),
        )
        said = self.one(lambda: self.object("scanIds", "all", "after", "protocol"), self.wanted, self.wanted)
        event = self.one(f"[{name},{said}]", f"[{name},{said},{said}]", f"[{name}]", said, "")
        ack = self.one("[]", "[1]", "[" + ",".join(["1"] * 20_000) + "]", '["' + "x" * 100_000 + '"]', "x", "")
        auth = self.object("protocol", "token", "x")
        places = self.one("1-", "3-", "0-", "9999999999-", "99999999999-", "-", "x-")
        return self.one(
            *(f"2{namespace}{number}{event}" for _ in range(5)),
            *(f"0{namespace}{auth}", f"0{namespace}{auth}", f"1{namespace}", f"3{namespace}{number}{ack}"),
            *(f"4{namespace}{auth}", f"5{places}{namespace}{number}{event}", f"6{places}{namespace}{number}{ack}"),
            *(f"7{namespace}", f"9{event}", event, ""),
        )

    def frame(self) -> str | bytes:
        """An Engine.IO packet, or nearly; bytes go into a binary frame."""
        if self.random.random() < 0.1:
            return self.bytes(2000)
        return self.one(
            *(lambda: f"4{self.packet()}" for _ in range(12)),
            *(
                "",
                "0",
                "1",
                "2",
                "3",
                "5",
                "6",
                "7",
                "9",
                "x",
                "é",
                "2probe",
                "3probe",
                "0{}",
                "b",
                "bAAAA",
                "b===",
                "4",
            ),
            *(
                "٤2/ws,",
                "²",
                "4" + "[" * 100_000,
                "4" + '{"a":' * 3000,
                "4-" + "9" * 6000,
                "4NaN",
                "4{}",
                "4null",
                '4"x"',
            ),
        )

    def poll(self) -> bytes:
        """The body of a poll."""
        frames = [self.frame() for _ in range(self.random.choice([0, 1, 1, 2, 5, 16, 17, 40]))]
        texts = [frame if isinstance(frame, str) else frame.decode("latin-1") for frame in frames]
        whole = SEPARATOR.join(texts).encode(errors="replace")
        return self.random.choice([whole, whole, whole, self.bytes(500), b"d=" + whole, b"\xff\xfe", whole * 30])
