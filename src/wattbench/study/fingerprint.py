"""A fingerprint of the code that a stage runs, deaf to comments, docstrings and formatting.

Snakemake does not see edits under the package. Each stage rule carries this fingerprint as a
parameter, so that an edit re-runs the stages whose code it changed and no others.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wattbench.errors import FaultError
from wattbench.files import cache_folder, write_text

PACKAGE = "wattbench"
EXCLUDED = ("wattbench.study", "wattbench.errors", "wattbench.progress", "wattbench.cli")
"""Settings enter through identities, errors and progress are for people."""

DATA_SUFFIXES = frozenset({".j2", ".css", ".js", ".txt", ".json", ".html", ".svg"})
FORMAT = 1
"""Raise when the way a module is hashed changes, so that remembered hashes are dropped."""


@dataclass(frozen=True)
class _Module:
    sha256: str
    imports: tuple[str, ...]
    empty: bool


def code_fingerprint(*roots: str) -> str:
    """Fingerprint of modules and of all they import from this package.

    Args:
        *roots: Names of modules, such as 'wattbench.corpus.stage'.

    Returns:
        First 16 hex digits of a sha256 over the visited modules' syntax trees and over the data
        files (templates, scripts, texts) in their packages' folders.

    Raises:
        FaultError: A module is missing or is no valid Python.
    """
    return _walk(roots, Path(__file__).parents[1])


def visited_modules(*roots: str) -> tuple[str, ...]:
    """Names of the modules that `code_fingerprint` covers, sorted."""
    return tuple(sorted(_closure(roots, Path(__file__).parents[1])))


@functools.cache
def _walk(roots: tuple[str, ...], package: Path) -> str:
    modules = _closure(roots, package)
    total = hashlib.sha256()
    for name in sorted(modules):
        if not modules[name].empty:
            total.update(f"{name} {modules[name].sha256}\n".encode())
    folders = {_file_of(name, package).parent for name in modules}
    for file in sorted({file for folder in folders for file in _data_files(folder)}):
        total.update(f"{file.relative_to(package).as_posix()} ".encode())
        total.update(hashlib.sha256(file.read_bytes()).digest())
    return total.hexdigest()[:16]


def _closure(roots: tuple[str, ...], package: Path) -> dict[str, _Module]:
    known = _known(package)
    found: dict[str, _Module] = {}
    todo = list(roots)
    while todo:
        name = todo.pop()
        if name in found or _excluded(name):
            continue
        found[name] = known.module(name)
        todo += found[name].imports
        parent = name.rpartition(".")[0]
        while parent and parent != PACKAGE:
            todo.append(parent)
            parent = parent.rpartition(".")[0]
    known.save()
    return found


def _excluded(name: str) -> bool:
    return name == PACKAGE or any(name == e or name.startswith(f"{e}.") for e in EXCLUDED)


def _file_of(name: str, package: Path) -> Path:
    base = package.joinpath(*name.split(".")[1:])
    init = base / "__init__.py"
    return init if init.is_file() else base.with_suffix(".py")


def _data_files(folder: Path) -> list[Path]:
    files: list[Path] = []
    for entry in folder.iterdir():
        if entry.is_dir():
            if not (entry / "__init__.py").exists():
                files += _data_files(entry)
        elif entry.suffix in DATA_SUFFIXES:
            files.append(entry)
    return files


class _Known:
    """Modules already read, remembered over processes by size and time of change."""

    def __init__(self, package: Path) -> None:
        self._package = package
        key = hashlib.sha256(str(package).encode()).hexdigest()[:16]
        self._note = cache_folder() / "code" / f"{key}.json"
        self._kept = self._load()
        self._changed = False
        self._seen: dict[str, _Module] = {}

    def _load(self) -> dict[str, Any]:
        try:
            kept = json.loads(self._note.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        fits = isinstance(kept, dict) and kept.get("format") == FORMAT
        return dict(kept["modules"]) if fits else {}

    def module(self, name: str) -> _Module:
        """The module of a name, read anew where its file has changed."""
        if name in self._seen:
            return self._seen[name]
        file = _file_of(name, self._package)
        try:
            state = file.stat()
        except OSError:
            raise FaultError(
                f"the module {name} is missing from the installed package.",
                where=str(file),
                mend="Install wattbench again.",
            ) from None
        stamp = [state.st_size, state.st_mtime_ns, state.st_ino]
        kept = self._kept.get(name)
        if kept is not None and kept["stamp"] == stamp:
            module = _Module(kept["sha256"], tuple(kept["imports"]), kept["empty"])
        else:
            module = _read(name, file, self._package)
            self._kept[name] = {
                "stamp": stamp,
                "sha256": module.sha256,
                "imports": module.imports,
                "empty": module.empty,
            }
            self._changed = True
        self._seen[name] = module
        return module

    def save(self) -> None:
        """Remember what was read for the next process."""
        if not self._changed:
            return
        self._changed = False
        try:
            write_text(self._note, json.dumps({"format": FORMAT, "modules": self._kept}))
        except FaultError:
            # Without a cache that can be written the next process parses again, no more.
            return


@functools.cache
def _known(package: Path) -> _Known:
    return _Known(package)


def _read(name: str, file: Path, package: Path) -> _Module:
    try:
        tree = ast.parse(file.read_bytes(), filename=str(file))
    except (SyntaxError, ValueError) as error:
        raise FaultError(f"is no valid Python: {error}.", where=str(file)) from error
    is_package = file.name == "__init__.py"
    imports = sorted(_imports(tree, name if is_package else name.rpartition(".")[0], package))
    _strip(tree)
    body = [node for node in tree.body if not _is_future(node)]
    text = "\n".join(ast.dump(node) for node in body)
    return _Module(hashlib.sha256(text.encode()).hexdigest(), tuple(imports), not body)


def _is_future(node: ast.stmt) -> bool:
    return isinstance(node, ast.ImportFrom) and node.module == "__future__"


def _imports(tree: ast.Module, package_name: str, package: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parts = package_name.split(".")
                parts = parts[: len(parts) - node.level + 1]
                base = ".".join([*parts, base] if base else parts)
            names.add(base)
            if base.split(".")[0] == PACKAGE:
                submodules = (f"{base}.{alias.name}" for alias in node.names)
                names.update(n for n in submodules if _file_of(n, package).is_file())
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            # Registries name what they import lazily as 'package.module:attribute'.
            lazy = node.value.partition(":")[0]
            if lazy.startswith(f"{PACKAGE}.") and lazy.replace(".", "").isidentifier():
                names.update({lazy} if _file_of(lazy, package).is_file() else ())
    return {name for name in names if name.split(".")[0] == PACKAGE}


def _strip(tree: ast.Module) -> None:
    """Drop docstrings, attribute docstrings included, and blocks for type checkers."""
    for node in ast.walk(tree):
        for field in ("body", "orelse", "finalbody"):
            block = getattr(node, field, None)
            if isinstance(block, list):
                setattr(node, field, [child for child in block if not _is_mute(child)])


def _is_mute(node: ast.AST) -> bool:
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
    return (
        isinstance(node, ast.If)
        and isinstance(node.test, ast.Name)
        and node.test.id == "TYPE_CHECKING"
    )
