/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Ports that nobody is called at, whatever an announcement says: those of printers, which print
 * what they are sent, and of industrial controllers, which may stop at what they do not expect.
 * Pure.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

bool port_is_forbidden(uint16_t port);
