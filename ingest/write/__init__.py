"""What a batch becomes in the database, in one transaction: ``writer.py``, top to bottom."""
