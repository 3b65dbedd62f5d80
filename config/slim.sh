#!/bin/sh
# Takes out of a folder of installed packages what the service never reads: other projects' tests,
# and the C library of onnxruntime (its Python module holds the same code).
set -eu
cd "$1"
find scipy sklearn pandas onnx skops smmap -type d \( -name tests -o -name test \) -prune -exec rm -rf {} +
rm -f onnxruntime/capi/libonnxruntime.so*
