"""Machine code for losses and their derivatives.

The C++ of this folder takes a multilayer perceptron and the derivatives of its outputs in x through the network for vectors of points, and back for
gradients; dual numbers make Hessian-vector products of the same code. A problem's energy density and residual are written by ``generate``,
``build`` compiles and keeps the code, ``kernels`` calls it.
"""
