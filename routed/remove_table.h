/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * "routed remove-table": what is left of routed in the kernel goes, when it is removed from a host.
 * While routed runs it would only make the table anew.
 */
#pragma once

/* Returns 0, also when there is no table; -errno has been said. */
int remove_table_command(void);
