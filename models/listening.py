"""When a collector is taken to listen, by its own record (rule 14).

Ingest extends its record again and again while the broker has it subscribed; whoever reads one
that is still open allows for a pause. SQL says the number itself, and a test holds it to this.
"""

#: Seconds between two extensions.
EXTEND_EVERY_S = 1.0
#: Seconds without one until it is silence.
SILENT_AFTER_S = 15
