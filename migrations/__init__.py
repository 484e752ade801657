"""The schema as numbered plain SQL, and the small runner that applies it.

``incremental/`` files run once, in order; ``idempotent/`` files (functions, views) run again
whenever their text changes. ``runner.py`` has the rules.
"""
