"""M. Gürbüzbalaban, U. Şimşekli and L. Zhu, "The Heavy-Tail Phenomenon in SGD", ICML 2021."""
