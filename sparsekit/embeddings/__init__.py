"""Trees and metrics into hyperbolic space."""
