"""Reads what is now: status, rosters, boards, counts."""
