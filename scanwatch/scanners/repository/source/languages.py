"""In what language a source file is written, and the grammar that tells its comments from everything else.

Grammars are packages of their own: those of the first six are installed with scanwatch, the others with its extra
``languages``. A tag in a file of a language whose grammar is not there is counted and reported, never guessed at.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

PLAIN = frozenset({"comment"})
SPLIT = frozenset({"line_comment", "block_comment"})


@dataclass(frozen=True, slots=True)
class Language:
    """One language: ``module`` and ``function`` give its grammar, ``comments`` are the grammar's names for them."""

    name: str
    module: str
    suffixes: tuple[str, ...]
    comments: frozenset[str] = PLAIN
    function: str = "language"
    docstrings: bool = False
    files: tuple[str, ...] = ()
    interpreters: tuple[str, ...] = ()


LANGUAGES = (
    Language(
        "Python",
        "tree_sitter_python",
        (".py", ".pyi", ".pyw"),
        docstrings=True,
        interpreters=("python",),
    ),
    Language("TypeScript", "tree_sitter_typescript", (".ts", ".mts", ".cts"), function="language_typescript"),
    Language("TypeScript with JSX", "tree_sitter_typescript", (".tsx",), function="language_tsx"),
    Language("JavaScript", "tree_sitter_javascript", (".js", ".jsx", ".mjs", ".cjs"), interpreters=("node",)),
    Language("Java", "tree_sitter_java", (".java",), SPLIT),
    Language("Go", "tree_sitter_go", (".go",)),
    Language(
        "shell",
        "tree_sitter_bash",
        (".sh", ".bash", ".bats"),
        files=(".bashrc", ".profile"),
        interpreters=("sh", "bash", "dash", "ksh"),
    ),
    Language("C", "tree_sitter_c", (".c", ".h")),
    Language("C#", "tree_sitter_c_sharp", (".cs",)),
    Language("HCL", "tree_sitter_hcl", (".tf", ".tfvars", ".hcl")),
    Language("Ruby", "tree_sitter_ruby", (".rb", ".rake"), files=("Rakefile", "Gemfile"), interpreters=("ruby",)),
    Language("Rust", "tree_sitter_rust", (".rs",), SPLIT),
    Language("YAML", "tree_sitter_yaml", (".yaml", ".yml")),
)
"""Every language whose comments are read."""

_BY_SUFFIX: Mapping[str, Language] = {suffix: language for language in LANGUAGES for suffix in language.suffixes}
_BY_FILE: Mapping[str, Language] = {file: language for language in LANGUAGES for file in language.files}
_BY_INTERPRETER: Mapping[str, Language] = {name: one for one in LANGUAGES for name in one.interpreters}
_VERSION = re.compile(r"[\d.]+$")


def language_of(file: str, contents: bytes) -> Language | None:
    """The language of a file by its name, else by the interpreter its first line names; ``None`` if it has none."""
    by_name, suffix = _by_name(file)
    return by_name if by_name is not None or suffix else _BY_INTERPRETER.get(_interpreter(contents))


def language_key(file: str) -> str:
    """What a file's name alone says of its language: of two files with the same bytes and key, both are read alike."""
    by_name, suffix = _by_name(file)
    return by_name.name if by_name else ("none" if suffix else "by contents")


def _by_name(file: str) -> tuple[Language | None, str]:
    """The language that the name gives, and the name's suffix."""
    name = file[file.rfind("/") + 1 :]
    dot = name.rfind(".")
    suffix = name[dot:].lower() if dot > 0 else ""
    return _BY_FILE.get(name) or _BY_SUFFIX.get(suffix), suffix


def _interpreter(contents: bytes) -> str:
    """The program that runs a script, without its version; empty if the first line names none."""
    first = contents[:200].split(b"\n", 1)[0]
    if not first.startswith(b"#!"):
        return ""
    words = [PurePosixPath(word).name for word in first[2:].decode("ascii", "replace").split()]
    if words[:1] == ["env"]:
        words = [word for word in words[1:] if not word.startswith("-") and "=" not in word]
    return _VERSION.sub("", words[0]) if words else ""
