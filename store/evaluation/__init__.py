"""Evaluations: schemes and their versions, closed periods' inputs, what was made of them.

What a scheme makes of inputs is computed in ``models/scheme.py`` and ``models/evaluation.py``.
"""
