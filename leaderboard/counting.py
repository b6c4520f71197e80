"""Where the processes of a web server count together (prometheus_client's multiprocess mode)."""

import os
import shutil
import stat
import tempfile
from pathlib import Path


def share() -> Path:
    """The folder that this server's processes count in, made on first use; to be called before the first metric.

    It is named after the server's process, so that a restart begins at nothing; those of servers that are gone are
    removed. Raises OSError where somebody else has a file of that name.
    """
    start = f"parity-metrics-{os.getuid()}-"
    folders = Path(tempfile.gettempdir())
    for other in folders.glob(f"{start}*"):
        if not Path("/proc", other.name.removeprefix(start)).exists():
            shutil.rmtree(other, ignore_errors=True)  # another process may be removing it as well
    folder = folders / f"{start}{os.getppid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise PermissionError(f"{folder} is not a folder of this user alone; remove it, or set TMPDIR.")
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)
    return folder
