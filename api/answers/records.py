"""Records of the registry as answers hold them, made from the lists of their fields."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, Field

from api.answers.fields import (
    Day,
    EdgeNode,
    Hours,
    Instant,
    Latitude,
    Longitude,
    PowerRule,
    Seconds,
    Source,
    Suspension,
    Yuan,
)
from models import registry_forms as forms
from models.registry_fields import Kind

#: How answers show what is no plain text, by the form that it is stated in.
SHOWN: Mapping[forms.Form, Any] = {
    forms.LON: Longitude,
    forms.LAT: Latitude,
    forms.MONEY: Yuan,
    forms.DAY: Day,
    forms.FLAG: bool,
    forms.INSTRUMENT_KIND: forms.INSTRUMENT_KIND.stated,
    forms.HOURS_A_YEAR: float,
    forms.OPENING_HOURS: Hours,
    forms.EXTERNAL_IDS: dict[str, str],
    forms.REPORT_FIELDS: dict[str, str],
    forms.SOURCE: Source,
    forms.SPARKPLUG: EdgeNode,
    forms.POWER_RULE: PowerRule,
    forms.SUSPENSIONS: list[Suspension],
}


class RecordBody(BaseModel):
    """One version of a record: its id, the fields of its kind, and since when it holds."""

    def __init_subclass__(cls, of: Kind | None = None, **config: Any) -> None:
        super().__init_subclass__(**config)
        if of is None:
            return
        # Before pydantic looks for them: the fields, as if they were written out here.
        cls.__annotations__[of.id_name] = str
        for field in of.fields:
            shown = Seconds if field.form.seconds else SHOWN.get(field.form, str)
            cls.__annotations__[field.name] = Annotated[
                shown | None if field.nullable else shown, Field(description=field.note)
            ]
        cls.__annotations__["valid_from"] = Instant
