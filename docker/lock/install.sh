#!/bin/sh
# install.sh PYTHON VENV TORCH_INDEX LIST...: make the virtual environment and install the locked lists into it.
set -eu
here=$(dirname "$0")
python=$1 venv=$2 torch_index=$3
shift 3

"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
    echo "error: Parity needs Python 3.11 or newer; $python is $("$python" -V). Try: make run PYTHON=python3.12" >&2
    exit 2
}
"$python" -c 'import ensurepip, venv' 2>/dev/null || {
    echo "error: $python lacks the venv module. On Debian or Ubuntu: sudo apt-get install python3-venv" >&2
    exit 2
}
[ -x "$venv/bin/python" ] || "$python" -m venv "$venv"

# torch's CPU build has its own index; one short try tells whether it can be reached from here.
extra=
case " $* " in
*worker-cpu.txt*)
    if "$venv/bin/python" -c "import sys, urllib.request as u; u.urlopen(sys.argv[1] + '/torch/', timeout=5)" \
        "$torch_index" 2>/dev/null; then
        extra="--extra-index-url $torch_index"
    fi
    ;;
esac

lists= hashed=
for list in "$@"; do
    lists="$lists -r $here/$list" hashed="$hashed -r $here/hashed/$list"
done
echo "Installing $* (the first time this takes a few minutes)"
pip="$venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --use-pep517"
# The lists are complete: --no-deps is what leaves out packages that break others (see resolve.py). First the files whose
# digests are known, and nothing else under their names; then what has no digests (see hashes.py), by its version.
# shellcheck disable=SC2086
$pip --require-hashes $hashed
# shellcheck disable=SC2086
$pip $extra $lists
case " $* " in
*worker-cpu.txt*)
    "$venv/bin/python" "$here/name_vllm.py"
    "$venv/bin/python" -c 'import torch' 2>/dev/null || {
        "$venv/bin/python" -m pip uninstall --quiet --yes torch
        echo "error: pip found a build of torch that does not load here, for GPUs most likely; the one for CPUs is at" \
            "$torch_index, if that can be reached. Else name a mirror of it (make run TORCH_INDEX=https://...) or a" \
            "folder with the file of that build (PIP_FIND_LINKS=/folder make run)." >&2
        exit 2
    }
    ;;
esac
sh "$here/command.sh" "$venv"
