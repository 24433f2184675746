"""Slow definitions, written from the formulae alone; the tests compare the fast code with them."""
