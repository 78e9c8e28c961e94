"""A gateway's wiring and life cycle, and nothing else."""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
import time
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from types import TracebackType

from aiohttp import web

from .. import wire
from ..errors import ConfigurationError
from ..jobs import SystemClock
from ..storage import Store, is_shared, open_store
from . import _page, _rest
from ._access import make_access
from ._changes import Changes
from ._configuration import GatewayConfig
from ._engine import Engine
from ._fanout import Fanout
from ._faults import drop_faults_of_peers
from ._hub import Hub
from ._jobs import make_jobs, run_at_once
from ._logging import log_scans
from ._metrics import Metrics
from ._patience import Patience, Requests
from ._remembered import Remembered
from ._retention import Retention
from ._signals import stop_on_signals
from ._socket import Conversations
from ._surface import add_rest, middlewares

SHUTDOWN_S = 0.3
WORKER_STOP_S = 1.0
TICK_S = 0.25

_http_logger = logging.getLogger(f"{__name__}.http")
_http_logger.addFilter(drop_faults_of_peers)


class Gateway:
    """A gateway that serves while its ``async with`` block runs.

    Raises:
        ConfigurationError: the address cannot be listened on, or the store's URL is wrong.
        StoreBusy: another process owns the store.
    """

    def __init__(self, config: GatewayConfig) -> None:
        self.config = config
        self._ending = AsyncExitStack()
        self._port = config.port
        self._busy_at = time.monotonic()
        self._fanout: Fanout | None = None
        self._hub: Hub | None = None
        self._requests = Requests()

    @property
    def url(self) -> str:
        """Where it listens."""
        host = f"[{self.config.host}]" if ":" in self.config.host else self.config.host
        return f"http://{host}:{self._port}"

    async def __aenter__(self) -> Gateway:
        async with AsyncExitStack() as ending:
            store = open_store(self.config.store)
            ending.push_async_callback(store.close)
            await store.open()
            await self._start(store, ending)
            self._ending = ending.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._ending.aclose()

    def idle_for_s(self) -> float:
        """Seconds since a client was connected, a request came, or a scan was unfinished."""
        now = time.monotonic()
        if (self._fanout and self._fanout.clients) or (self._hub and self._hub.live_scans):
            self._busy_at = now
        return now - self._busy_at

    async def _start(self, store: Store, ending: AsyncExitStack) -> None:
        """Start everything on an open store, in the order in which each needs the one before."""
        config = self.config
        engine = _engine(config)
        fanout = self._fanout = Fanout(engine.wires, stall_s=config.stall_s)
        ending.push_async_callback(fanout.close)
        clock = SystemClock()
        access = await make_access(config, store, clock)
        hub = self._hub = Hub(store, fanout, access.scopes)
        changes = Changes(store, hub, access)
        ending.push_async_callback(changes.close)
        ending.callback(store.listen_to_changes(changes.hear))
        ending.push_async_callback(hub.close)
        await hub.start()
        queue, worker = make_jobs(config, store, clock)
        readable = await self._readable(store, hub)
        services = _rest.Services(readable, queue, worker, hub, access, clock)
        conversations = Conversations(
            engine.server,
            hub=hub,
            fanout=fanout,
            store=readable,
            access=access,
            now=clock.now,
            workers=run_at_once(config),
            max_subscriptions=config.max_subscriptions,
        )
        ending.push_async_callback(conversations.close)
        retention = Retention(store, clock, keep_s=config.keep_s, keep_events_s=config.keep_events_s)
        ending.push_async_callback(retention.stop)
        retention.start()
        metrics = Metrics(
            store=readable,
            worker=worker,
            hub=hub,
            traffic=fanout,
            engine=engine,
            talk=conversations,
            clock=clock,
        )
        for listener in (access.heard, log_scans, metrics.hear):
            ending.callback(store.listen(listener))
        await self._listen(self._application(services, engine, metrics), ending)
        patience = Patience(
            self._requests.pending, engine.pending, allowed_s=config.patience_s, most=config.max_connections
        )
        ending.push_async_callback(patience.stop)
        patience.start()
        ending.push_async_callback(worker.stop, timeout_s=WORKER_STOP_S)
        await worker.start()
        ending.callback(services.ending.set)

    async def _readable(self, store: Store, hub: Hub) -> Store:
        """The store for whoever reads: of one elsewhere, something is remembered for while it does not answer."""
        if not is_shared(self.config.store):
            return store
        remembered = Remembered(store, hub)
        await remembered.read()
        return remembered.as_store()

    def _application(self, services: _rest.Services, engine: Engine, metrics: Metrics) -> web.Application:
        app = web.Application(
            middlewares=[self._note_request, *middlewares(self.config)], client_max_size=self.config.max_body_bytes
        )
        app[_rest.SERVICES] = services
        add_rest(app, self.config, services.store, metrics)
        _rest.add_routes(app, _page.routes())
        for method in ("GET", "POST", "OPTIONS"):
            app.router.add_route(method, f"/{wire.SOCKETIO_PATH}/", engine.handle)

        async def close_sockets(_app: web.Application) -> None:
            await engine.close()

        app.on_shutdown.append(close_sockets)
        return app

    @web.middleware
    async def _note_request(self, request: web.Request, handler: _rest.Handler) -> web.StreamResponse:
        self._busy_at = time.monotonic()
        with self._requests.answering(request):
            return await handler(request)

    async def _listen(self, app: web.Application, ending: AsyncExitStack) -> None:
        runner = web.AppRunner(
            app,
            access_log=None,
            logger=_http_logger,
            auto_decompress=False,  # a small body could unfold to gigabytes; nobody sends us packed ones
            shutdown_timeout=SHUTDOWN_S,
            handle_signals=False,
        )
        ending.push_async_callback(runner.cleanup)
        await runner.setup()
        self._requests.server = runner.server
        try:
            await web.TCPSite(runner, self.config.host, self.config.port).start()
        except (OSError, UnicodeError) as error:  # a name that no resolver can be asked for is the latter
            raise _cannot_listen(self.config, error) from error
        self._port = runner.addresses[0][1]


def _engine(config: GatewayConfig) -> Engine:
    return Engine(
        fast_path=config.fast_path,
        ping_interval_s=config.ping_interval_s,
        ping_timeout_s=config.ping_timeout_s,
        max_message_bytes=config.max_message_bytes,
        max_connections=config.max_connections,
    )


async def serve(config: GatewayConfig, on_ready: Callable[[Gateway], None] | None = None) -> None:
    """Run a gateway until SIGINT or SIGTERM, or until it has been idle for ``config.idle_s``.

    ``on_ready`` is called once it listens. Signals reach the main thread only, so call this there.

    Raises:
        ConfigurationError: the address cannot be listened on, or the store's URL is wrong.
        StoreBusy: another process owns the store.
    """
    stop = asyncio.Event()
    _allow_sockets(2 * config.max_connections)
    with stop_on_signals(stop):
        async with Gateway(config) as gateway:
            if on_ready is not None:
                on_ready(gateway)
            # In slices: on Windows a waiting loop does not notice a signal until it turns.
            while not stop.is_set() and not _idle_too_long(gateway):
                with suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), TICK_S)


def _idle_too_long(gateway: Gateway) -> bool:
    limit_s = gateway.config.idle_s
    return limit_s is not None and gateway.idle_for_s() >= limit_s


def _allow_sockets(count: int) -> None:
    """Let this process open so many sockets, if the system lets it: the usual limit, 1 024, is below ours."""
    try:
        import resource
    except ImportError:
        return  # Windows has no such limit
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = count if hard == resource.RLIM_INFINITY else min(count, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _cannot_listen(config: GatewayConfig, error: OSError | UnicodeError) -> ConfigurationError:
    if isinstance(error, UnicodeError | socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
        return ConfigurationError(f"{config.host[:80]!r} is no address of this machine; 127.0.0.1 is.")
    if error.errno == errno.EADDRINUSE:
        return ConfigurationError(
            f"Port {config.port} on {config.host} is in use; stop what listens there, or take another (0: a free one)."
        )
    if error.errno == errno.EACCES:
        return ConfigurationError(f"Port {config.port} may not be used by this account; take one above 1023.")
    return ConfigurationError(f"Cannot listen on {config.host}, port {config.port}: {error.strerror or error}.")
