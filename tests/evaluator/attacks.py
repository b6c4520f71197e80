# ruff: noqa: E501
"""Programs that try to get out, to take the host down, or to pass without passing. None may succeed.

Each raises when the wall held it, and ends well when it got through; those under CHEATS end in ways that are not a pass.
"""

GET_OUT = {
    "reads a file of the host": "open({secret!r}).read()",
    "reads the worker's home": "import os\nassert os.listdir(os.path.expanduser('~root')), 'nothing there'",
    "reads the password file": "open('/etc/passwd').read()",
    "writes the root": "open('/parity', 'w')",
    "writes the system": "open('/usr/bin/parity', 'w')",
    "writes the interpreter": "import json\nopen(json.__file__, 'a')",
    "writes a device": "open('/dev/parity', 'w')",
    "makes a device": "import os\nos.mknod('/tmp/disk', 0o60666, os.makedev(8, 0))",
    "follows a link out": "import os\nos.symlink({secret!r}, '/tmp/link')\nopen('/tmp/link').read()",
    "follows a link through its parent": "import os\nos.symlink('/proc/1/root' + {secret!r}, '/tmp/l')\nopen('/tmp/l').read()",
    "reads the environment": "import os\nassert {variable!r} in os.environ",
    "reads others' environments": """
import glob
found = [open(path, 'rb').read() for path in glob.glob('/proc/[0-9]*/environ')]
assert any({variable!r}.encode() in one for one in found)
""",
    "reaches the loopback": "import socket\nsocket.create_connection(('127.0.0.1', {port}), timeout=2)",
    "sees the host's network": "lines = open('/proc/net/dev').readlines()[2:]\nassert [x for x in lines if 'lo:' not in x]",
    "sees the host's sockets": "assert len(open('/proc/net/tcp').readlines()) > 1",
    "calls a unix socket of the host": "import socket\ns = socket.socket(socket.AF_UNIX)\ns.connect({unix!r})",
    "calls an abstract socket of the host": "import socket\ns = socket.socket(socket.AF_UNIX)\ns.connect('\\0' + {unix!r})",
    "opens a raw socket": "import socket\nsocket.socket(socket.AF_INET, socket.SOCK_RAW, 1)",
    "opens a packet socket": "import socket\nsocket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)",
    "signals the host's processes": "import os\nos.kill({pid}, 0)",
    "sees the host's processes": "import os\nassert {pid} in [int(n) for n in os.listdir('/proc') if n.isdigit()]",
    "becomes root": "import os\nos.setuid(0)",
    "runs a set-uid program": "import subprocess\nassert 'uid=0' in subprocess.check_output(['su', '-c', 'id'], text=True)",
    "makes namespaces": "import ctypes\nassert ctypes.CDLL(None).unshare(0x10000000) == 0",
    "clones into a namespace": "import ctypes\nassert ctypes.CDLL(None).syscall(56, 0x10000011, 0, 0, 0, 0) >= 0",
    "mounts": "import ctypes\nassert ctypes.CDLL(None).mount(b'none', b'/tmp', b'tmpfs', 0, b'') == 0",
    "remounts the root": "import ctypes\nassert ctypes.CDLL(None).mount(b'', b'/', b'', 32 | 4096, b'') == 0",
    "traces its parent": "import ctypes, os\nassert ctypes.CDLL(None).ptrace(16, os.getppid(), 0, 0) == 0",
    "loads a program into the kernel": "import ctypes\nassert ctypes.CDLL(None).syscall(321, 0, 0, 0) >= 0",
    "asks for a ring": "import ctypes\nassert ctypes.CDLL(None).syscall(425, 8, 0) >= 0",
    "writes kernel settings": "open('/proc/sys/kernel/core_pattern', 'w').write('|/tmp/x')",
    "triggers sysrq": "open('/proc/sysrq-trigger', 'w').write('b')",
    "raises its limits": "import resource\nresource.setrlimit(resource.RLIMIT_NPROC, (4096, 4096))",
    "sets the clock": "import time\ntime.clock_settime(time.CLOCK_REALTIME, 0)",
    "reads the request of its start": "import os\nassert os.read(0, 10)",
    "finds descriptors of the host": """
import os
others = [os.readlink(f'/proc/self/fd/{{fd}}') for fd in os.listdir('/proc/self/fd') if int(fd) > 2]
assert any(one.startswith('/') and not one.startswith('/proc') for one in others), others
""",
}

TAKE_DOWN = {
    "fork bomb": "import os\nwhile True: os.fork()",
    "thread bomb": "import threading, time\nfor _ in range(10_000): threading.Thread(target=time.sleep, args=(60,)).start()",
    "endless loop": "while True: pass",
    "endless sleep": "import time\nwhile True: time.sleep(60)",
    "deaf to signals": """
import signal, time
for number in range(1, 32):
    if number not in (9, 19): signal.signal(number, signal.SIG_IGN)
while True: time.sleep(60)
""",
    "eats memory": "hoard = []\nwhile True: hoard.append(bytearray(10**7))",
    "eats memory in children": """
import os, time
for _ in range(8):
    if os.fork() == 0:
        hoard = bytearray(600 * 2**20)
        for place in range(0, len(hoard), 4096): hoard[place] = 1
        time.sleep(60)
time.sleep(60)
""",
    "fills the disk": "with open('/tmp/big', 'wb') as f:\n    while True: f.write(bytes(2**20))",
    "fills the disk with many files": """
for number in range(10**6):
    open(f'/tmp/{number}', 'wb').write(bytes(2**20))
""",
    "floods its output": "while True: print('x' * 10**6)",
    "floods its error output": "import sys\nwhile True: sys.stderr.write('x' * 10**6)",
    "opens every descriptor": "files = []\nwhile True: files.append(open('/dev/null'))",
    "recurses in the interpreter": "import sys\nsys.setrecursionlimit(10**9)\ndef f(): f()\nf()",
    "recurses": "def f(): return f()\nf()",
    "crashes the interpreter": "import ctypes\nctypes.string_at(0)",
    "compiles a bomb": "eval('(' * 10**6 + ')' * 10**6)",
    "computes a giant": "len(str(9**9**9))",
    "kills everything": "import os\nos.kill(-1, 9)\nimport time\ntime.sleep(60)",
    "daemonises": """
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        while True: time.sleep(1)
    os._exit(0)
time.sleep(60)
""",
    "stops itself": "import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)",
}

CHEATS = {
    "leaves with 0": "import sys\nsys.exit(0)",
    "leaves at once": "import os\nos._exit(0)",
    "becomes another program": "import os\nos.execv('/bin/true', ['true'])",
    "prints the verdict": "print('passed')\nraise AssertionError",
    "lets a child pass": "import os\nif os.fork(): raise AssertionError\n",
    "writes to every descriptor": """
import os
for fd in range(3, 64):
    try: os.write(fd, b'passed 00000000000000000000000000000000')
    except OSError: pass
os._exit(0)
""",
    "an unreadable error": "class E(Exception):\n    def __str__(self): raise self\nraise E",
    "no program": "def f(:",
    "null bytes": "x = 1\0",
    "asks for input": "input()",
}
