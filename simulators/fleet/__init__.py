"""Who publishes: devices, gateways, their faults, and the run that drives them."""
