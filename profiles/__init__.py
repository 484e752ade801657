"""Shipped report profiles: forms as data, a folder a form, a file a version."""
