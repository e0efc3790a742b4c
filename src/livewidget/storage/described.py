"""A schema as JSON, as stores on servers keep it beside their rows."""

from __future__ import annotations

import json

from livewidget.data.errors import StoreError
from livewidget.data.schema import Field, Kind, Schema


def to_json(schema: Schema) -> str:
    """Return a schema as JSON: its time column, and each name with its kind, in order."""
    fields = [[field.name, field.kind.value] for field in schema.fields]
    return json.dumps({"time": schema.time, "fields": fields})


def from_json(text: str) -> Schema:
    """Return the schema of `to_json`. Raises StoreError for what is none."""
    try:
        told = json.loads(text)
        return Schema([Field(name, Kind(kind)) for name, kind in told["fields"]], told["time"])
    except (ValueError, KeyError, TypeError) as error:
        raise StoreError(f"the schema that is kept cannot be read: {error}") from None
