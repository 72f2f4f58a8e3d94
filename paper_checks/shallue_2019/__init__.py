"""C. J. Shallue et al., "Measuring the Effects of Data Parallelism on Neural Network Training", JMLR 20(112), 2019."""
