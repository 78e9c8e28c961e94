"""How a store writes the model's records: JSON with the model's own field names, read back by their types.

Independent of the wire: a new protocol must not touch what is on disk. A field added to the model with a default
reads as that default from older rows; renaming or removing one needs a new schema version.
"""

from __future__ import annotations

from typing import Any

import msgspec

from ..errors import UsageError
from ..model import Annotation, ApiKey, Artifact, AuditEntry, Event, Evidence, Finding, Repository, ScanRequest
from ..snapshot import Snapshot

_encoder = msgspec.json.Encoder()

decode_annotation = msgspec.json.Decoder(Annotation).decode
decode_api_key = msgspec.json.Decoder(ApiKey).decode
decode_artifact = msgspec.json.Decoder(Artifact).decode
decode_audit_entry = msgspec.json.Decoder(AuditEntry).decode
decode_event = msgspec.json.Decoder(Event).decode
decode_evidence = msgspec.json.Decoder(Evidence).decode
decode_finding = msgspec.json.Decoder(Finding).decode
decode_repository = msgspec.json.Decoder(Repository).decode
decode_request = msgspec.json.Decoder(ScanRequest).decode
decode_snapshot = msgspec.json.Decoder(Snapshot).decode


def encode(record: Any) -> bytes:
    """``record`` as the bytes a store keeps.

    Raises:
        UsageError: it holds something that JSON cannot say, such as an object of a program or half a character.
    """
    try:
        return _encoder.encode(record)
    except (TypeError, ValueError, OverflowError) as error:
        raise UsageError(f"This {type(record).__name__} cannot be kept: {error}.") from error
