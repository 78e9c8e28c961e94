"""Tells faults of ours from those of peers, which the libraries log alike."""

from __future__ import annotations

import logging

from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.web import RequestPayloadError

_FAULTS_OF_PEERS = (HttpProcessingError, RequestPayloadError, ConnectionError)
_WORDS_FOR_NONSENSE = frozenset({"Unknown receive error", "post request handler error"})


def drop_faults_of_peers(record: logging.LogRecord) -> bool:
    """Whether a line of a library tells of a fault: what is a peer's doing is answered, and no error of ours."""
    error = record.exc_info[1] if record.exc_info else None
    return error is not None and not isinstance(error, _FAULTS_OF_PEERS) and record.msg not in _WORDS_FOR_NONSENSE
