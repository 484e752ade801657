"""``jishi broker-check``: whether a broker does what Jishi relies on, whichever broker it is.

`party.py` is one client, `checks.py` what is asked of the broker, `readers.py` the same by ingest's
readers, `commands.py` what people type.
"""
