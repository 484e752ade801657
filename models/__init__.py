"""Functional core: values in, values out; no socket, SQL, file or clock.

Time inside is integer microseconds since 1970 UTC, intervals are half-open. The rules that
docstrings number are those of ``docs/rules.md``.
"""
