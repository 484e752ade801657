"""``python -m ingest``: take heartbeats until SIGTERM.

The first signal drains what was received, the second quits at once. Once subscribed, one line
of JSON on standard output says where the metrics are: ``{"metrics_url": …}``.
"""

import sys

from ingest.service import main

if __name__ == "__main__":
    sys.exit(main())
