"""A stop that comes while a worker starts, whichever thread of the process takes the signal."""

import os
import signal
import sys
import threading
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))
from worker_processes import STOP_SIGNALS, stop_signals_held  # noqa: E402


class StopSignalsTest(unittest.TestCase):
    def setUp(self):
        before = signal.signal(signal.SIGTERM, signal.default_int_handler)
        self.addCleanup(signal.signal, signal.SIGTERM, before)
        self.ended = threading.Event()
        self.addCleanup(self.ended.set)
        threading.Thread(target=self.ended.wait, daemon=True).start()  # takes signals, as those of libraries do

    def test_take_effect_at_the_end(self):
        reached = False
        with self.assertRaises(KeyboardInterrupt):
            with stop_signals_held():
                os.kill(os.getpid(), signal.SIGTERM)
                time.sleep(0.05)
                reached = True
        self.assertTrue(reached)
        self.assertEqual(signal.getsignal(signal.SIGTERM), signal.default_int_handler)
        self.assertFalse(STOP_SIGNALS & signal.pthread_sigmask(signal.SIG_BLOCK, ()))

    def test_nothing_happens_without_one(self):
        with stop_signals_held():
            self.assertLessEqual(STOP_SIGNALS, signal.pthread_sigmask(signal.SIG_BLOCK, ()))


if __name__ == "__main__":
    unittest.main()
