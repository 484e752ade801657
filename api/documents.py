"""What the routes of documents with versions share: mappings, report profiles and schemes.

How they are kept is in `store/registry/documents.py`.
"""

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import Query
from pydantic import BaseModel, Field

from api.context import Context
from api.errors import FieldError, conflict, invalid, not_found
from models.timestamp import format_instant
from store.registry.documents import Kept, Shelf, ShippedError, VersionError, Written
from store.run import Steps

Version = Annotated[
    int | None, Query(ge=1, le=1_000_000, description="one version; the one in force unless said")
]


class PutDocument(BaseModel):
    """A document as it is put: its name stands in the address, and its version follows."""

    name: str | None = Field(default=None, description="the same as in the address")
    version: int | None = Field(
        default=None,
        ge=1,
        le=1_000_000,
        description="the newest's or the next, which it is unless said",
    )

    def content(self) -> dict[str, Any]:
        """All but name and version; a version of 0 is whichever comes next."""
        fields = type(self).model_fields.keys() - PutDocument.model_fields.keys()
        return {"version": self.version or 0, **{field: getattr(self, field) for field in fields}}


async def put_document(
    context: Context, name: str, body: PutDocument, write: Callable[[], Steps[Written]]
) -> Written:
    """Writes what was put.

    Raises:
        Problem: 422; its name is not that of the address. 409; it is shipped, or its version is
            neither the newest nor the next.
    """
    if body.name not in (None, name):
        raise invalid(
            FieldError(field="body.name", value=body.name, rule=f"must be {name!r}, or left out")
        )
    try:
        return await context.database.write(write())
    except ShippedError as error:
        raise conflict(str(error)) from error
    except VersionError as error:
        raise conflict(
            str(error), FieldError(field="body.version", value=body.version, rule=str(error))
        ) from error


async def kept_document(
    context: Context, shelf: Shelf, called: str, name: str, version: int | None
) -> Kept:
    """One version of a document.

    Raises:
        Problem: 404; there is none.
    """
    kept = await context.database.read(shelf.find(name, version))
    if kept is None:
        raise not_found(called, name if version is None else f"{name} version {version}")
    return kept


def entry(one: Kept, **more: object) -> dict[str, object]:
    """What a list says of a document, with what its kind alone has."""
    return {
        "name": one.name,
        "version": one.version,
        "title": one.document.get("title", ""),
        **more,
        "origin": "shipped" if one.shipped else "own",
        "versions": list(one.versions),
        "created_at": None if one.created_us is None else format_instant(one.created_us),
        "created_by": one.created_by,
    }
