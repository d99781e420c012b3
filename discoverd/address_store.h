/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The addresses that an operator has added, in a file that survives a restart. */
#pragma once

#include "discoverd/remote_hosts.h"

/* Adds what the file holds; a directory or a file that is not there holds nothing. */
int address_store_load(const char *directory, struct remote_hosts *hosts);
/* Never -ENOENT. */
int address_store_save(const char *directory, const struct remote_hosts *hosts);
