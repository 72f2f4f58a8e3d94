"""E. Fong and C. C. Holmes, "On the marginal likelihood and cross-validation", Biometrika 107 (2020) 489."""
