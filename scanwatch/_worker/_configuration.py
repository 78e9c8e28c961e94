"""Everything a worker can be told, each field with its meaning beside it."""

from __future__ import annotations

import string
from dataclasses import dataclass

from ..errors import ConfigurationError
from ..gateway._configuration import LOG_FORMATS, LOG_LEVELS, MAX_CONCURRENCY
from ..gateway._options import option, options_of
from ..storage import is_shared


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerConfig:
    """Everything a worker can be told; fields that end in ``_s`` are seconds.

    Raises:
        ConfigurationError: a value makes no sense.
    """

    store: str = option(
        "redis://127.0.0.1:6379/0",
        "the Redis that gateways and workers share: `redis://[user:password@]host:6379/0`",
        shown=False,
    )
    queue_prefix: str | None = option(
        None, "the prefix of BullMQ's keys", default_words="bull, or the store's own prefix if it names one"
    )
    concurrency: int = option(3, "scans that run at once, at most 1000")
    max_events_per_s: float = option(
        10.0, "progress events a scan may make in a second; 0 keeps every report", name="max_events_per_second"
    )
    repo_url: str = option(
        "https://github.com/{owner}/{repo}.git", "the target of a job of another producer, which names owner and repo"
    )
    lock_s: float = option(
        10.0, "how long a scan stays this worker's without a sign of life", name="lock", duration=True
    )
    stalled_check_s: float = option(
        5.0, "how often is looked for scans whose worker was lost", name="stalled_check", duration=True
    )
    grace_s: float = option(
        30.0, "how long running scans may go on when it stops; then they are handed back", name="grace", duration=True
    )
    metrics_host: str = option("127.0.0.1", "the address on which `/metrics` is answered")
    metrics_port: int | None = option(None, "the port on which `/metrics` is answered; 0 takes a free one")
    log_level: str = option("info", "what goes to standard error", choices=LOG_LEVELS)
    log_format: str = option("text", "how it is written: lines of text, or of JSON", choices=LOG_FORMATS)

    def __post_init__(self) -> None:
        if not is_shared(self.store):
            raise ConfigurationError(
                "A worker of its own needs a store that processes share, such as redis://127.0.0.1:6379/0; with any "
                "other store the gateway runs the scans itself."
            )
        if not 1 <= self.concurrency <= MAX_CONCURRENCY:
            raise ConfigurationError(f"concurrency must be 1 to {MAX_CONCURRENCY}, not {self.concurrency}")
        for name in ("max_events_per_s", "grace_s"):
            if getattr(self, name) < 0:
                raise ConfigurationError(f"{name} must not be below 0, and is {getattr(self, name)}")
        for name in ("lock_s", "stalled_check_s"):
            if getattr(self, name) < 1:
                raise ConfigurationError(f"{name} must be at least 1, not {getattr(self, name)}")
        if self.metrics_port is not None and not 0 <= self.metrics_port <= 65535:
            raise ConfigurationError(f"metrics_port {self.metrics_port} is not within 0-65535")
        self._check_repo_url()

    def _check_repo_url(self) -> None:
        try:
            names = {name for _, name, _, _ in string.Formatter().parse(self.repo_url) if name is not None}
        except ValueError:
            names = set()
        if names != {"owner", "repo"}:
            raise ConfigurationError(
                f"repo_url {self.repo_url!r} must name {{owner}} and {{repo}} and nothing else in braces"
            )


WORKER_OPTIONS = options_of(WorkerConfig)
