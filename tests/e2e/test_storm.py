# SPDX-License-Identifier: MIT
"""Everything at once for half a minute; then the table must be what the kernel says."""

import os
import pathlib
import subprocess

BUILD = pathlib.Path(os.environ["CWSHIM_BUILD"])
SECONDS = 30


def test_table_and_kernel_agree_after_a_storm(tmp_path):
    env = dict(os.environ, LD_PRELOAD=str(BUILD / "libcwshim.so"),
               CWSHIM_OPTIONS=f"session_dir={tmp_path}:at_exit=0")
    done = subprocess.run([BUILD / "targets" / "storm", str(SECONDS), tmp_path], env=env,
                          capture_output=True, text=True, check=False, timeout=SECONDS + 90)
    assert done.returncode == 0, done.stdout + done.stderr
    words = dict(word.split("=") for word in done.stdout.split() if "=" in word)
    assert done.stdout.startswith("AGREE")
    assert int(words["done"]) > 1000 and int(words["open"]) > 1, done.stdout
    assert words["lost"] == "0" and words["off"] == "0", done.stdout
    assert done.stderr == ""
