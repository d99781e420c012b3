# SPDX-License-Identifier: GPL-3.0-or-later
"""The packages, installed as README.md says, on booted machines: see test_install.py.

The site is the lab's, under the names that README.md uses: its commands are run as they stand there.
"""

from lab import addresses

addresses.API_NAME = "api.example.com"
addresses.VPN_HOST_NAME = "vpn1.example.com"
addresses.VPN_DOMAIN = "vpn.example.com"
