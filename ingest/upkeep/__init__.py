"""What the service does beside its stream: rollups, rebuilds, replays, retention, compression."""
