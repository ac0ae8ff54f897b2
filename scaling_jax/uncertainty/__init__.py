"""Uncertainty: draws of a law's parameters, whatever made them."""
