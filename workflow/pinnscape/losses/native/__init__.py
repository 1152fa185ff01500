"""Native code: compiled C++ code for terms and their derivatives.

The C++ headers in this folder propagate the outputs of a network and their derivatives in x through the network for vectors of
points (SIMD), and adjoints back for gradients in theta; with dual numbers, the same code computes Hessian-vector products.
``source`` generates the code of the problem's energy densities and residuals, ``build`` compiles and caches it, and ``groups``
calls it.
"""
