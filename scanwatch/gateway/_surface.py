"""Everything that can be asked of a gateway over REST, and the application that answers it."""

from __future__ import annotations

from aiohttp import web
from aiohttp.typedefs import Middleware

from ..storage import Store
from . import _rest, _rest_access, _rest_documents, _rest_repositories, _rest_scans, _rest_service
from ._configuration import GatewayConfig
from ._gate import gate
from ._inventory import Inventories
from ._metrics import Metrics
from ._rest_observed import observe
from ._rest_operations import Operation, add_operations
from ._rest_origins import let_read, preflight


def operations(*, public_metrics: bool = False) -> tuple[Operation, ...]:
    """Every operation, in the order of the documentation."""
    return (
        *_rest_repositories.operations(),
        *_rest_scans.operations(),
        *_rest_documents.operations(),
        *_rest_access.operations(),
        *_rest_service.operations(public_metrics=public_metrics),
    )


def add_rest(app: web.Application, config: GatewayConfig, store: Store, metrics: Metrics) -> None:
    """Give an application every operation and what they need besides the services."""
    every = operations(public_metrics=config.public_metrics)
    app[_rest_service.OPERATIONS] = every
    app[_rest_service.METRICS] = metrics
    app[_rest_documents.INVENTORIES] = Inventories(store)
    add_operations(app, every)
    app.on_response_prepare.append(let_read(config.allow_origins))


def middlewares(config: GatewayConfig) -> list[Middleware]:
    """What every request passes, outermost first."""
    return [observe, preflight(config.allow_origins), *_rest.middlewares(), gate]
