"""The rollups' columns, for all that read and write them; what they mean: `models/usage.py`."""

from dataclasses import fields

from models.usage import Usage

#: Columns of the rollups, in the tables' order, which is that of the figures themselves.
COLUMNS = tuple(field.name for field in fields(Usage))
