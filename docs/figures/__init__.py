"""Figures and tables of the papers: ``python -m docs.figures [NAME ...] [--full]``."""
