"""G. Blanc et al., "Implicit Regularization for Deep Neural Networks Driven by an Ornstein–Uhlenbeck Like Process"."""
