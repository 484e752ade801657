"""Reads and writes what is registered: records and versions, calendars, keys, audit."""
