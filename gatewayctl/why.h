/* SPDX-License-Identifier: GPL-3.0-or-later */
/* gatewayctl devices --why ID: what was told about a host, and what it adds up to. */
#pragma once

#include "gatewayctl/command.h"

int why_command(struct command *command, const char *id);
