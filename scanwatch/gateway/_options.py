"""Options of a configuration: declared once at its fields, read from flags, the environment and a TOML file.

An option ``keep_events`` is the flag ``--keep-events``, the variable ``SCANWATCH_KEEP_EVENTS`` and the key
``keep_events`` of the file. A flag outweighs the environment, that the file, and that the default.
"""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, dataclass, field, fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any, get_args, get_type_hints

from ..errors import ConfigurationError

NEVER = ("never", "forever", "none")
"""What stands for "no limit" where an option may have none."""
LONGEST_S = 36_500 * 86_400.0
"""A hundred years. Far longer, and the moment so long ago is before the calendar begins."""
_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*([smhd]?)")
_TRUTH = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}
_KINDS = {
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    str: "a text",
    tuple: "a list of texts (commas between them)",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Said:
    """What a field's metadata says of its option."""

    words: str
    name: str | None
    duration: bool
    secret: bool
    choices: tuple[str, ...]
    default: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One option: ``field`` is where its value goes, ``name`` what people call it.

    A ``secret`` is never a flag's value, which other users of the machine can read: its flag names a file.
    """

    name: str
    field: str
    words: str
    kind: type
    optional: bool
    duration: bool
    secret: bool
    choices: tuple[str, ...]
    default: str

    @property
    def flag(self) -> str:
        """The flag; a secret's takes the name of a file."""
        return f"--{self.name.replace('_', '-')}" + ("-file" if self.secret else "")

    @property
    def variable(self) -> str:
        """The environment variable."""
        return f"SCANWATCH_{self.name.upper()}"

    def read(self, value: object) -> Any:
        """The value as the field wants it, from a text or from what TOML has.

        Raises:
            ValueError: it is something else; the message says what it must be.
        """
        read = self._from_text(value) if isinstance(value, str) else self._from_toml(value)
        if self.choices and read not in self.choices:
            raise ValueError(f"must be one of {', '.join(self.choices)}, and is {value!r}")
        if isinstance(read, float) and not (read <= LONGEST_S if self.duration else math.isfinite(read)):
            raise ValueError(f"is out of range: {value!r}" + (f"; {NEVER[1]} has no end" if self.optional else ""))
        return read

    def _from_text(self, text: str) -> Any:
        if self.optional and text.strip().lower() in NEVER:
            return None
        if self.kind is str:
            return text
        if self.kind is tuple:
            return tuple(part.strip() for part in text.split(",") if part.strip())
        try:
            if self.kind is bool:
                return _TRUTH[text.strip().lower()]
            return seconds_of(text) if self.duration else self.kind(text)
        except (ValueError, KeyError):
            raise self._wrong(text) from None

    def _from_toml(self, value: object) -> Any:
        if self.kind is tuple and isinstance(value, list) and all(isinstance(part, str) for part in value):
            return tuple(value)
        if self.kind is float and isinstance(value, int | float) and not isinstance(value, bool):
            return float(value)
        if type(value) is self.kind:
            return value
        raise self._wrong(value)

    def _wrong(self, value: object) -> ValueError:
        wanted = "a duration, such as 90d, 12h, 30m or 45s" if self.duration else _KINDS[self.kind]
        return ValueError(f"must be {wanted}, and is {'not shown' if self.secret else repr(value)}")


def option(
    default: Any,
    words: str,
    *,
    name: str | None = None,
    duration: bool = False,
    secret: bool = False,
    choices: tuple[str, ...] = (),
    default_words: str | None = None,
    shown: bool = True,
) -> Any:
    """A dataclass field that is an option: ``words`` is its help, ``name`` its name if not the field's.

    One that is not ``shown`` may hold a password, and stays out of the ``repr``.
    """
    said = _Said(words=words, name=name, duration=duration, secret=secret, choices=choices, default=default_words)
    return field(default=default, metadata={"option": said}, repr=shown and not secret)


def options_of(kind: type[Any]) -> tuple[Option, ...]:
    """The options of a configuration's class, in the order of its fields."""
    return tuple(_options_of(kind))


def _options_of(kind: type[Any]) -> Iterator[Option]:
    hints = get_type_hints(kind)
    for declared in fields(kind):
        said: _Said = declared.metadata["option"]
        parts = get_args(hints[declared.name])
        optional = type(None) in parts
        inner = next(part for part in parts if part is not type(None)) if optional else hints[declared.name]
        assert declared.default is not MISSING
        yield Option(
            name=said.name or declared.name,
            field=declared.name,
            words=said.words,
            kind=getattr(inner, "__origin__", inner),
            optional=optional,
            duration=said.duration,
            secret=said.secret,
            choices=said.choices,
            default=said.default or _default_words(declared.default, duration=said.duration),
        )


def gather(
    options: tuple[Option, ...], *, flags: Mapping[str, Any], environment: Mapping[str, str], file: Path | None
) -> dict[str, Any]:
    """The values that were given, by field: flags before the environment before the file.

    ``flags`` are the values that were typed, by field.

    Raises:
        ConfigurationError: a value is not what its option takes, or the file cannot be read or has an unknown key.
    """
    values = {} if file is None else _from_file(options, file)
    for each in options:
        if each.variable in environment:
            values[each.field] = _read(each, environment[each.variable], each.variable)
    return values | dict(flags)


def _from_file(options: tuple[Option, ...], file: Path) -> dict[str, Any]:
    try:
        said = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationError(f"The configuration file {file} cannot be read: {error}") from error
    by_name = {each.name: each for each in options}
    for key in said:
        if key not in by_name:
            close = get_close_matches(key, by_name, n=1)
            guess = f" Did you mean {close[0]!r}?" if close else ""
            raise ConfigurationError(f"{file}: there is no option {key!r}.{guess}")
    return {by_name[key].field: _read(by_name[key], value, f"{file}: {key}") for key, value in said.items()}


def _read(each: Option, value: object, where: str) -> Any:
    try:
        return each.read(value)
    except ValueError as error:
        raise ConfigurationError(f"{where} {error}.") from None


def table(options: tuple[Option, ...]) -> str:
    """All options as a table in Markdown."""
    rows = ["| flag | environment | file | default | meaning |", "| --- | --- | --- | --- | --- |"]
    for each in options:
        words = each.words.replace("|", "\\|")
        rows.append(f"| `{each.flag}` | `{each.variable}` | `{each.name}` | {each.default} | {words} |")
    return "\n".join(rows) + "\n"


def seconds_of(text: str) -> float:
    """Seconds from a duration such as 90d, 12h, 30m or 45s; raises ``ValueError``."""
    found = _DURATION.fullmatch(text.strip().lower())
    if found is None:
        raise ValueError(text)
    return float(found[1]) * _UNITS[found[2]]


def _default_words(value: Any, *, duration: bool) -> str:
    if value is None or value == ():
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if duration:
        unit, size = max(((u, s) for u, s in _UNITS.items() if u and value % s == 0), key=lambda pair: pair[1])
        return f"{value / size:g}{unit}"
    return f"{value:g}" if isinstance(value, float) else str(value)
