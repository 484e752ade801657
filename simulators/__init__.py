"""Pretends to be gateways and whole cities of instruments, and keeps the ground truth.

``city.py`` makes the city, ``behaviour.py`` what each instrument does, ``device.py`` turns
that into heartbeats, ``gateway.py`` publishes them, ``faults.py`` spoils them on purpose,
``ledger.py`` writes down all of it, and ``verify.py`` asks the service whether it agrees.
"""
