#!/bin/sh
# Takes out of a folder of installed packages what no image of ours ever reads: other projects' tests,
# what only compilers and editors read, the C library of onnxruntime (its Python module holds the same
# code) and, where binutils are, symbols that only debuggers read.
set -eu
cd "$1"
for package in joblib numpy onnx pandas scipy skops sklearn smmap; do
    find "$package" -type d \( -name tests -o -name test \) -prune -exec rm -rf {} +
done
find . -type f \( -name '*.pyi' -o -name '*.pyx' -o -name '*.pxd' -o -name '*.pxi' -o -name '*.[acho]' \
    -o -name '*.cpp' -o -name '*.hpp' \) -delete
rm -f onnxruntime/capi/libonnxruntime.so*
if command -v strip >/dev/null; then # not what wheels bundle: it has been patched
    find . -type f -name '*.so' ! -path '*.libs/*' -exec strip --strip-unneeded {} +
fi
