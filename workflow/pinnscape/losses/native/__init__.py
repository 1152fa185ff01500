"""Machine code for losses and their derivatives.

The C++ of this folder takes a multilayer perceptron and the derivatives of its outputs in x through the network for vectors of points, and back for
gradients; dual numbers make Hessian-vector products of the same code. The terms of a point set are written by ``source``,
``build`` compiles and keeps the code, ``groups`` calls it.
"""
