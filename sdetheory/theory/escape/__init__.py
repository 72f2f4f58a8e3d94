"""How long minima hold: passes, rates, passage times, and the weights of basins."""
