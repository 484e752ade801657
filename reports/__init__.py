"""What records become outside: files in a form, what vouches for them, and their way to a receiver.

Values in, bytes out: where records, periods and deliveries are kept is the `store`'s. A form is
data (``models/report_profile.py``; those that are shipped are in ``profiles/``).
"""
