"""An executor that loses a worker."""

import os
import signal
import threading
from concurrent.futures import Executor


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
