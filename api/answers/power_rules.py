"""Back-tests of power rules, and examples of such rules."""

from pydantic import BaseModel, Field

from api.answers.fields import Count, Cursor, Instant, PowerRule, Seconds


class StateSeconds(BaseModel):
    """How a window divides by state; the four add up to `window_s`."""

    window_s: Seconds
    running_s: Seconds
    idle_s: Seconds
    off_s: Seconds
    unknown_s: Seconds


class Tried(BaseModel):
    """What a window holds by the rules in force, and what it would by the proposed one."""

    in_force: StateSeconds = Field(description="as `/utilization` of the window says")
    proposed: StateSeconds
    samples: Count = Field(description="within the window")
    power_s: list[Seconds] = Field(
        description="what samples credit by the proposed rule, by bins of power: bin n is from"
        " `bins_w[n]` up to, not at, `bins_w[n + 1]`, the last one without end"
    )


class TriedInstrument(Tried):
    """One instrument's."""

    instrument_id: str
    power_rule: PowerRule | None = Field(description="in force at the window's end")


class BacktestAnswer(BaseModel):
    """A back-test: nothing was written."""

    from_: Instant = Field(alias="from")
    to: Instant = Field(description="clipped to now")
    tz: str = Field(description="IANA zone of the window's dates")
    rule: PowerRule = Field(description="the proposed one")
    rule_from: Instant = Field(
        description="from when on it was taken to hold in place of all others: a day before `from`"
    )
    bins_w: list[float] = Field(description="where bins of power begin, watts")
    total: Tried
    items: list[TriedInstrument] = Field(description="in the order in which they were asked for")
    as_of: Instant


class Preset(BaseModel):
    """An example of a rule: an order of magnitude, not a recommendation."""

    class_code: str = Field(description="of the class that it is an example for")
    title: str
    rule: PowerRule
    note: str


class Presets(BaseModel):
    """All examples."""

    items: list[Preset]
    next_cursor: Cursor
