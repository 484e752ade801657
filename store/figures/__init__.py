"""Reads figures: windows, groups, days, profiles, and the heartbeats behind them."""
