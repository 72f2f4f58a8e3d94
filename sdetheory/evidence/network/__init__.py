"""The evidence of networks by the Gauss–Newton matrix, whatever the number of weights."""
