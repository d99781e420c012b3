/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The body of an answer that is an error: application/problem+json (RFC 9457). Pure. */
#pragma once

#define PROBLEM_TYPE "application/problem+json"

/* Returns owned. The sentence says what to do. */
char *problem_text(unsigned status, const char *sentence);
/* "Not Found"; "Error" of a status that we do not give. */
const char *problem_title(unsigned status);
