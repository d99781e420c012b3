/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Both ends of the line between vpnd-probe and vpnd. */
#include "vpnd/probe.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const char *const names[PROBE_RESULT_COUNT] = {
	[PROBE_UNRESOLVED] = "unresolved",   [PROBE_UNREACHABLE] = "unreachable",
	[PROBE_NOT_TLS] = "not-tls",         [PROBE_EXPIRED] = "expired",
	[PROBE_CERTIFICATE] = "certificate",
};

void probe_format(char ret_line[static PROBE_LINE_MAX], const struct probe_report *report)
{
	snprintf(ret_line, PROBE_LINE_MAX, "probe %s %s %s", names[report->result],
		 report->sha256[0] ? report->sha256 : "-", report->text);
	for (char *c = ret_line; *c; c++)
		if (*c < ' ' || *c > '~')
			*c = '?';
}

int probe_parse(struct probe_report *ret_report, const char *line)
{
	struct probe_report report = { .result = PROBE_RESULT_COUNT };
	char name[16], digest[SHA256_HEX_SIZE];
	int consumed = 0;

	if (strlen(line) >= PROBE_LINE_MAX ||
	    sscanf(line, "probe %15s %64s%n", name, digest, &consumed) != 2)
		return -EINVAL;
	for (unsigned i = 0; i < PROBE_RESULT_COUNT; i++)
		if (strcmp(name, names[i]) == 0)
			report.result = (enum probe_result)i;
	if (report.result == PROBE_RESULT_COUNT)
		return -EINVAL;
	if (report.result == PROBE_CERTIFICATE || report.result == PROBE_EXPIRED) {
		if (strspn(digest, "0123456789abcdef") != SHA256_HEX_SIZE - 1)
			return -EINVAL;
		memcpy(report.sha256, digest, sizeof(report.sha256));
	}
	line += consumed;
	line += strspn(line, " ");
	snprintf(report.text, sizeof(report.text), "%s", line);
	*ret_report = report;
	return 0;
}
