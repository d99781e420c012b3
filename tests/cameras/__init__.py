# SPDX-License-Identifier: GPL-3.0-or-later
"""Simulated cameras: real RTSP, HTTP, WS-Discovery, mDNS; personalities/ says what each is."""
