"""What a checkout needs and a library does not.

The local stack behind `make up` (`stack`), the demo tables (`demo`) with their generator, traffic
for the service (`simulation`), `make demo` and the reference pages of docs/.
"""
