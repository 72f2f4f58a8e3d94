"""Laws on grids: the Fokker-Planck equation and transitions."""
