"""``jishi backup`` and ``jishi restore``: the whole database in a folder or file, and back.

`manifest.py` says what a backup holds; `dump.py` makes one, `restore.py` brings it back, both
with PostgreSQL's own programs (`programs.py`); `commands.py` is what people type.
"""
