"""How long tests wait for what must come."""

#: Seconds that anything asynchronous may take before a test fails. What comes is seen at once, so
#: that a quiet machine never waits for it; one whose processors others keep busy may need minutes.
PATIENCE = 120.0
