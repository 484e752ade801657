"""Read side and registry: FastAPI over the same database that `ingest/` writes.

A line that knows a URL lives here; what only computes lives in `models/`, SQL that the write
side shares in `store/`.
"""
