# SPDX-License-Identifier: GPL-3.0-or-later
"""A whole site on one machine: see site.py. Imported as `lab` with tests/ on the path."""
