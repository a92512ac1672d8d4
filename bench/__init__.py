"""Measured claims: each program prints what it measures and keeps it as JSON under results/."""
