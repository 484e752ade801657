"""Views of the page that are kept by name."""

from pydantic import BaseModel, Field

from api.answers.fields import Cursor, Instant


class SavedViewBody(BaseModel):
    """One view."""

    name: str
    address: str = Field(description="within the page, from `#/` on")
    landing: bool = Field(description="it is what the page shows first")
    created_at: Instant
    changed_at: Instant


class SavedViews(BaseModel):
    """Whoever asks' own, by name."""

    items: list[SavedViewBody]
    next_cursor: Cursor
