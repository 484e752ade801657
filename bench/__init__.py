"""What is measured, how, and the peers it is measured against: ``python -m bench``.

Each module measures some keys of the contract's section 9, beside its reference in the same
run. ``rig.py`` starts the servers, ``city.py`` and ``beats.py`` make the workload,
``results.py`` holds the keys, their bars and ``latest.json``.
"""
