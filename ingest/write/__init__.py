"""What a batch becomes in the database, in one transaction; ``writer.py`` is the way through it, top to bottom."""
