/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The makers of cameras: how they are recognised in names and models, and the usual paths of their
 * main stream and their snapshot. The paths are candidates, not promises. Pure.
 */
#pragma once

#include <stdbool.h>

struct vendor {
	const char *name;          /* as published: "Axis" */
	const char *const *words;  /* stand alone in a name: "AXIS M1065-L" */
	const char *const *models; /* a model begins with one of these: "DS-2CD2032-I" */
	const char *stream_path;   /* NULL: not known */
	const char *snapshot_path; /* NULL: not known */
};

/* By the name as published; NULL if unknown. */
const struct vendor *vendor_find(const char *name);
/* By a text that has the maker's name, or is it; NULL if none is recognised. Names that are also
 * words ("Ubuntu 22.04 LTS") count only if nothing stands beside them. */
const struct vendor *vendor_named(const char *text);
/* As well by a model that a device tells about itself: for texts that are nothing else. */
const struct vendor *vendor_recognise(const char *text);

/* Fills the model out of a name such as "AXIS M1065-L - ACCC8E012345" (the vendor's word and what
 * follows a " - " go). Returns false if nothing is left. */
bool vendor_model_of(const struct vendor *vendor, const char *name, char *buffer, unsigned size);

/* The kind of device, as far as a model (of that vendor, or NULL) or a name shows it; NULL if it
 * does not. */
const char *vendor_kind_of(const struct vendor *vendor, const char *text);
/* It makes much besides cameras: its name alone says little. */
bool vendor_is_general(const struct vendor *vendor);
/* Whether a model (of that vendor, or NULL) runs on a battery, and sleeps until something moves. */
bool vendor_model_sleeps(const struct vendor *vendor, const char *model);
