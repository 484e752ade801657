"""Holds the service to the truth: ledger, expectation, comparison."""
