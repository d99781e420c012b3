/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What UPnP says about a device: its types, its unique name, and the description document that its
 * SSDP messages point to. UPnP Device Architecture 1.1, section 2. Pure, fuzzed.
 */
#pragma once

#include "discoverd/evidence.h"

/* A device or service type, "urn:schemas-upnp-org:device:InternetGatewayDevice:1": of a camera, of
 * something else, or nothing that counts. */
void upnp_type_read(struct evidence *evidence, const char *type, usec_t time);
/* A unique device name or USN: some makers put the MAC address into it. */
void upnp_name_read(struct evidence *evidence, const char *name, usec_t time);

/* 0, or -EBADMSG for what is no description. One that is cut off tells what stood before. */
int upnp_description_read(struct evidence *evidence, const void *bytes, size_t size, usec_t time);
