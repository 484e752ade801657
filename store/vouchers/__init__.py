"""Voucher orders: their lines, what was measured for each, and what closed periods keep of that."""
