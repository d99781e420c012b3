# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is where in the site: see the picture in README.md."""

LAN_NETWORK = "192.168.1.0/24"
LAN_ROUTER = "192.168.1.1"
LAN_GATEWAY = "192.168.1.10"
LAN_PREFIX = 24

# What stands for the Internet.
FIREWALL_PUBLIC = "198.51.100.2"
VPN_HOST_PUBLIC = "198.51.100.10"
API_HOST_PUBLIC = "198.51.100.20"
PLATFORM_PUBLIC = "198.51.100.30"
PUBLIC_PREFIX = 24

# Between API host and VPN host only.
VPN_HOST_PRIVATE = "10.9.0.1"
API_HOST_PRIVATE = "10.9.0.2"
PRIVATE_PREFIX = 30

VPN_NETWORK = "10.44.0.0/20"
VPN_HOST_INSIDE = "10.44.0.1"
PLATFORM_INSIDE = "10.44.0.2"
VPN_PREFIX = 20

API_NAME = "api.evercam.test"
VPN_HOST_NAME = "vpn1.evercam.test"
VPN_SERVICE_NAME = "vpn-service.evercam.test"  # resolves on the private link only
VPN_DOMAIN = "vpn.evercam.test"
