"""Recipes that make the weights. Not part of the wheel: run them from a checkout."""
