"""Sparkplug B as a host application hears it, in values alone.

``payload.py`` reads bytes, ``topic.py`` topics; ``node.py`` is what a host knows of one edge node
and how each message changes it; ``samples.py`` makes an instrument's heartbeats of what a device
said. Names in parentheses, such as ``tck-id-payloads-ndeath-bdseq``, are the requirements of the
Sparkplug 3.0 specification that a line follows.
"""
