"""Service records of periods: what people said of uses, and what a closed period keeps.

``register.py`` lists the periods. ``sessions.py`` finds the sessions of many instruments,
``uses.py`` makes of them what a period records of each, ``closing.py`` freezes that, ``periods.py``
reads it, frozen or as it is now.
"""
