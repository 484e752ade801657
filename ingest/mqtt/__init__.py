"""Speaks MQTT: the reader interface, both readers, packets, subscriptions, shares."""
