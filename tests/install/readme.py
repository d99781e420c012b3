# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands that README.md tells its readers to type."""

import os
import re

from lab.prepare import SOURCE


def commands(heading):
    """All that stands in the shell blocks below this heading, up to the next one."""
    with open(os.path.join(SOURCE, "README.md")) as file:
        text = file.read()
    sections = re.split(r"^#+ (.*)\n", text, flags=re.M)
    for title, body in zip(sections[1::2], sections[2::2]):
        if title == heading:
            blocks = re.findall(r"^```sh\n(.*?)^```$", body, flags=re.M | re.S)
            assert blocks, f"README.md has no commands under {heading}"
            return "".join(blocks)
    raise AssertionError(f"README.md has no section {heading}")
