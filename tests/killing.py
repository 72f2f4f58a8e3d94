"""Work that is killed half-way."""

import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import Executor

from sdetheory.engine import checkpoint


class Killing(Executor):
    """An executor that kills one of its processes when the first task is done."""

    def __init__(self, executor, victim):
        self.executor, self.victim = executor, victim
        self.killed, self.done, self.lock = None, None, threading.Lock()
        self.futures = []

    def submit(self, *arguments):
        future = self.executor.submit(*arguments)
        self.futures.append(future)
        future.add_done_callback(self.kill)
        return future

    def kill(self, _):
        with self.lock:
            if self.killed is None:
                self.killed = self.victim()
                self.done = sum(future.done() for future in self.futures)
                os.kill(self.killed, signal.SIGKILL)


def killed(script, folder, path, *arguments, beyond):
    """Run a script of a folder, kill it once its checkpoint is beyond a step, and return the step that it holds."""
    folders = os.pathsep.join([str(folder), *sys.path])
    command = [sys.executable, "-c", script, *arguments, path]
    process = subprocess.Popen(command, env=os.environ | {"PYTHONPATH": folders})
    deadline = time.monotonic() + 900
    try:
        while not (path.exists() and checkpoint._read(path)[0]["step"] > beyond):
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.01)
    finally:
        process.kill()
        process.wait()
    return checkpoint._read(path)[0]["step"]
