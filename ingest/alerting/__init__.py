"""Opens and closes alerts. A kind of alert is a file here that finds what holds now, and a place in
the table of ``kinds.py``; what begins and ends by it is judged in ``models/condition.py``, written
by ``book.py`` and told to webhooks. ``alerts.py`` runs them all; ``silence.py`` is older and larger
than the rest: silence has to last, and folds over three levels.
"""
