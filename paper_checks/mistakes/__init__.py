"""Mistakes that must turn a claim red, by the part of the package in which they are made."""
