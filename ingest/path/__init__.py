"""The path of a heartbeat from delivery to acknowledgement; ``pipeline.py`` is it on one page."""
