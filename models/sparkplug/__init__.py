"""Sparkplug B as a host application hears it, in values alone.

``payload.py`` reads bytes, ``topic.py`` topics; ``node.py`` is what a host knows of one edge node
and how each message changes it; ``spoken.py`` is how that is handed on, and ``samples.py`` makes
an instrument's samples of it. Names such as ``tck-id-payloads-ndeath-bdseq`` are the requirements
of the Sparkplug 3.0 specification that a line follows.
"""
