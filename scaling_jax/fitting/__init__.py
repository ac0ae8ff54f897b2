"""Fitting: from a law and a run table to one optimum, thousands of starts at once."""
