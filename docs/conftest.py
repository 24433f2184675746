"""How closely an example must repeat the numbers that it shows."""

from scipy_doctest.conftest import dt_config

dt_config.rtol = 1e-5  # the default of 1e-2 takes 374 for 375; rounding differs between machines far below this
