"""The rollups' columns, for all that read and write them; what they mean: `models/usage.py`."""

from models.usage import Usage

#: Columns of the rollups, in the tables' order, which is that of the figures themselves.
COLUMNS = Usage.__struct_fields__
