#!/bin/sh
# Sets up a machine of the team's.
set -eu
cd "$(dirname "$0")/.."
echo "ours, and nobody else's"
