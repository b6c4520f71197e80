#!/bin/sh
# command.sh VENV: put the command `parity` into the environment. The project itself is not installed: it runs from here.
set -eu
root=$(CDPATH= cd -- "$(dirname "$0")/../.." && pwd)
bin=$(CDPATH= cd -- "$1/bin" && pwd)
cat > "$bin/parity" <<END
#!/bin/sh
PYTHONPATH="$root\${PYTHONPATH:+:\$PYTHONPATH}" exec "$bin/python" -m evaluator "\$@"
END
chmod +x "$bin/parity"
