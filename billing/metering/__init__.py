"""Metering: deliveries become charges; reversals, reconciliation and usage."""
