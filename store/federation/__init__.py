"""Rollups of closed windows: what a city publishes (``published.py``), what a follower takes of
several (``taken.py``) and answers from (``followed.py``).

What a rollup is, is ``models/rollup.py``'s.
"""
