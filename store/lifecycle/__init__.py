"""What becomes of instruments over the years: maintenance, faults, feedback, vouchers, sensors."""
