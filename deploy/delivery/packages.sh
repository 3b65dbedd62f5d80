#!/bin/sh
# Installs the packages that your declarations import (requirements.txt) beside Evergreen, as release.sh
# builds them into the images.   sh deploy/delivery/packages.sh
set -eu
[ -f requirements.txt ] || exit 0
pip --python "$(dirname "$(command -v evergreen)")/python" install --quiet --requirement requirements.txt
