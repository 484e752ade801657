"""What every answer holds, for the OpenAPI document: fields, types, units.

Nothing is checked against these while it is answered: routes hand bytes out that msgspec wrote.
Tests check instead, every answer that they get (`tests/integration/api/conforming.py`), and so
does the fuzzing.

A module for each thing that answers are about; what they share is in `fields.py`, how a route
names its own in `responses.py`. What requests hold is beside their routes and in
`models/registry.py`; errors are in `api/errors.py`.
"""
