/* SPDX-License-Identifier: GPL-3.0-or-later */
/* RFC 9457 §4.2.1: with "about:blank" the title is that of the status. */
#include "apid/problem.h"

#include "common/json.h"
#include "common/macros.h"

const char *problem_title(unsigned status)
{
	static const struct {
		unsigned status;
		const char *title;
	} titles[] = {
		{ 400, "Bad Request" },
		{ 401, "Unauthorized" },
		{ 403, "Forbidden" },
		{ 404, "Not Found" },
		{ 405, "Method Not Allowed" },
		{ 409, "Conflict" },
		{ 410, "Gone" },
		{ 413, "Content Too Large" },
		{ 417, "Expectation Failed" },
		{ 422, "Unprocessable Content" },
		{ 429, "Too Many Requests" },
		{ 501, "Not Implemented" },
		{ 503, "Service Unavailable" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(titles); i++)
		if (titles[i].status == status)
			return titles[i].title;
	return "Error";
}

char *problem_text(unsigned status, const char *sentence)
{
	_cleanup_json_ cJSON *json = json_new_object();

	json_add_string(json, "type", "about:blank");
	json_add_string(json, "title", problem_title(status));
	json_add_number(json, "status", status);
	json_add_string(json, "detail", sentence);
	return json_print(json);
}
