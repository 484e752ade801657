"""SQL that the write side and the read side share: rows become values here.

Statements stand in `sql/*.sql`, functions here yield them (`run.py`) and know no connection.
"""
