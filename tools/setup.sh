#!/usr/bin/env bash
# Create (or repair) a virtual environment from the locked versions: tools/setup.sh .venv
set -euo pipefail
venv=$1
python=${PYTHON:-python3}
command -v python3.11 >/dev/null && python=${PYTHON:-python3.11}
if ! "$python" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))'; then
    echo "edgeprint's lock is for Python 3.11; $("$python" --version) was found. Name another with PYTHON=..." >&2
    exit 1
fi
[ -x "$venv/bin/python" ] || "$python" -m venv "$venv"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.txt
uv="$venv/bin/uv"
export VIRTUAL_ENV=$PWD/$venv UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy UV_SYSTEM_CERTS=true
# The wheel folder that pip's settings name, if any, may hold the CPU build of torch, which PyPI does not.
# `pip config get` of pip 23, Debian's, does not find what `list` shows.
wheels=${PIP_FIND_LINKS:-$("$venv/bin/python" -m pip config list | sed -n "s/^global\.find-links='\(.*\)'$/\1/p")}
torch() { "$uv" pip install --no-deps --require-hashes "$@"; }
echo "Installing the locked packages (about 5 GB unpacked; a few minutes on a slow line) ..."
"$uv" pip install --no-deps --require-hashes -r requirements/all.txt
if [ -n "$wheels" ] && UV_FIND_LINKS=$wheels torch --no-index -r requirements/torch-cpu.txt 2>/dev/null; then :
elif torch --torch-backend cpu -r requirements/torch-cpu.txt; then :
else
    echo "No CPU build of torch can be reached from here: taking PyPI's build with CUDA (several GB)." >&2
    torch -r requirements/torch-pypi.txt
fi
"$uv" pip install --quiet --no-deps --no-build-isolation --editable .
echo "Compiling the loops over packets, and making empty databases (three quarters of a minute, once) ..."
"$venv/bin/edgeprint" compile
touch "$venv/.ready"
