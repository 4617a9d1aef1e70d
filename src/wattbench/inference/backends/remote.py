"""What backends that ask a server share: its address, its key, a server of the job's own."""

from __future__ import annotations

import importlib
import os
import re
import urllib.parse
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from pydantic import Field, JsonValue, field_validator, model_validator

from wattbench.errors import InputError
from wattbench.inference.backends.base import (
    BackendFailure,
    Capabilities,
    Setup,
    read_options,
)
from wattbench.study.section import Section
from wattbench.study.server import ServerOptions

if TYPE_CHECKING:
    from wattbench.inference.backends.servers import OwnServer
    from wattbench.inference.backends.web import Web

KEY = re.compile(r"[\x21-\x7e]+")


class Address(Section):
    """Where the server is: one of the three."""

    base_url: str | None = None
    base_url_env: str | None = Field(default=None, pattern=r"^[A-Z_][A-Z0-9_]*$")
    server: ServerOptions | None = None

    @field_validator("base_url")
    @classmethod
    def _is_an_address(cls, url: str | None) -> str | None:
        if url is not None:
            check_address(url)
        return url

    @model_validator(mode="after")
    def _one_server(self) -> Address:
        given = [self.base_url, self.base_url_env, self.server]
        if sum(one is not None for one in given) != 1:
            raise ValueError("give one of 'base_url', 'base_url_env' and 'server'")
        return self

    @property
    def elsewhere(self) -> bool:
        """Whether the server is neither the job's own nor on the loopback of this node."""
        if self.server is not None:
            return False
        url = self.base_url or os.environ.get(self.base_url_env or "", "")
        try:
            host = urllib.parse.urlsplit(url.strip()).hostname or ""
        except ValueError:
            return True
        return host not in {"localhost", "::1"} and not host.startswith("127.")


def check_address(url: str) -> None:
    """Refuse what is no plain http address; the words hold nothing of it, for it may hold a key."""
    try:
        parts = urllib.parse.urlsplit(url)
        plain = parts.scheme in {"http", "https"} and bool(parts.hostname)
    except ValueError:
        plain = False
    if not plain:
        raise ValueError("give an http or https address, such as http://localhost:8000/v1")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ValueError(
            "the address may hold no user, password or query; name the variable that holds the "
            "key in 'requests.api_key_env'"
        )


def key_of(setup: Setup) -> str | None:
    """The server's key out of the environment, or None where the study names none.

    Raises:
        InputError: The variable is empty, or holds what cannot be sent.
    """
    name = setup.requests.api_key_env
    if name is None:
        return None
    key = os.environ.get(name, "").strip()
    if not KEY.fullmatch(key):
        what = "holds characters that no key has" if key else "holds no key"
        raise InputError(
            f"the environment variable {name} {what}.",
            where="models.<name>.requests.api_key_env",
            mend=f"Run `export {name}=...` in the shell that starts the workflow.",
        )
    return key


def adds_only(fields: dict[str, JsonValue], own: Collection[str]) -> dict[str, JsonValue]:
    """Refuse fields of a request that the study says in other places.

    Args:
        fields: Further fields, as an option gives them.
        own: Those that the study's generation and weights set.

    Raises:
        ValueError: There are such.
    """
    twice = sorted(set(own) & set(fields))
    if twice:
        raise ValueError(f"{', '.join(twice)}: set by the study's 'generation' and 'weights'")
    return fields


class Remote:
    """A server that is asked: one that runs already, or one that the job starts.

    Args:
        options: Where it is.
        setup: The backend's.
        path: Path below the own server's address under which requests go.
    """

    def __init__(self, options: Address, setup: Setup, *, path: str) -> None:
        self._options = options
        self._setup = setup
        self._path = path
        self._server: OwnServer | None = None
        self._web: Web | None = None

    @property
    def web(self) -> Web | None:
        """The connections, or None before `open` and after `close`."""
        return self._web

    @property
    def version(self) -> str | None:
        """Version of the job's own server; others name theirs in their replies, if at all."""
        if self._options.server is None:
            return None
        servers = importlib.import_module("wattbench.inference.backends.servers")
        found: str | None = servers.OwnServer(self._options.server, self._setup).version
        return found

    def open(self) -> Web:
        """Start the job's own server where there is one, and make ready to connect.

        Raises:
            InputError: The key, the address or the server's program cannot be used.
            FaultError: The server does not start.
        """
        web = importlib.import_module("wattbench.inference.backends.web")
        if self._options.server is not None:
            servers = importlib.import_module("wattbench.inference.backends.servers")
            self._server = servers.OwnServer(self._options.server, self._setup)
            self._server.start()
            address, key = self._server.address + self._path, self._server.key
        else:
            address, key = self._address(), key_of(self._setup)
        opened: Web = web.Web(
            address,
            key=key,
            connections=self._setup.concurrency,
            proxies=self._server is None,
        )
        self._web = opened
        return opened

    def _address(self) -> str:
        name = self._options.base_url_env
        if name is None:
            return str(self._options.base_url)
        url = os.environ.get(name, "").strip()
        try:
            check_address(url)
        except ValueError as wrong:
            raise InputError(
                f"the environment variable {name} holds no usable address: {wrong}.",
                where="models.<name>.options.base_url_env",
            ) from None
        return url

    def refused_key(self, status: int, text: str) -> InputError:
        """The error of a key that the server does not take."""
        name = self._setup.requests.api_key_env
        return InputError(
            f"the server refuses the key: HTTP {status} {text}",
            where="models.<name>.requests.api_key_env",
            mend=f"See what {name} holds." if name else "Name the variable that holds it.",
        )

    def failure(self, failure: BackendFailure) -> BackendFailure:
        """A failure of a question, or its cause where the job's own server has ended."""
        ended = None if self._server is None else self._server.ended
        return failure if ended is None else BackendFailure("backend", ended)

    def close(self) -> None:
        """Close the connections and end the job's own server; a second time does nothing."""
        web, self._web = self._web, None
        if web is not None:
            web.close()
        server, self._server = self._server, None
        if server is not None:
            server.close()


A = TypeVar("A", bound=Address)


class Served(Generic[A]):
    """What all backends that ask a server over HTTP have in common.

    Args:
        setup: The backend's.
    """

    Options: ClassVar[type[Address]]
    """The study's options of the backend."""

    path: ClassVar[str] = ""
    """Path below an own server's address under which requests go."""

    capabilities: Capabilities = Capabilities(max_concurrency=None)
    requires: ClassVar[tuple[str, ...]] = ("httpx2",)
    extra: ClassVar[str | None] = None

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._options = self._read(setup.options)
        self._remote = Remote(self._options, setup, path=self.path)

    @classmethod
    def _read(cls, options: Mapping[str, Any]) -> A:
        found: A = read_options(cls.Options, options)  # type: ignore[assignment]
        return found

    @classmethod
    def check(cls, options: Mapping[str, Any]) -> None:
        """Check the options."""
        cls._read(options)

    @classmethod
    def elsewhere(cls, options: Mapping[str, Any]) -> bool:
        """Whether the server is neither the job's own nor on the loopback."""
        return cls._read(options).elsewhere

    @property
    def version(self) -> str | None:
        """Version of a server of the job's own; others name theirs in their replies, if at all."""
        return self._remote.version

    def close(self) -> None:
        """Close the connections and end the job's own server."""
        self._remote.close()
