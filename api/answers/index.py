"""What there is to ask, in short."""

from pydantic import BaseModel, Field

from api.answers.fields import Cursor


class Endpoint(BaseModel):
    """One address."""

    name: str = Field(description="the address without `/v1`")
    href: str = Field(description="with `{…}` where an id goes")
    methods: list[str]
    answers: str = Field(description="what the first of the methods is for")


class Index(BaseModel):
    """What there is to ask."""

    description: str = Field(description="where the OpenAPI document is")
    reference: str = Field(description="the same for people to read")
    items: list[Endpoint]
    next_cursor: Cursor
