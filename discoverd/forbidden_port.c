/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "discoverd/forbidden_port.h"

#include "common/macros.h"

bool port_is_forbidden(uint16_t port)
{
	static const struct {
		uint16_t first, last;
	} ranges[] = {
		{ 102, 102 },     /* S7, MMS */
		{ 502, 502 },     /* Modbus */
		{ 515, 515 },     /* LPD */
		{ 631, 631 },     /* IPP */
		{ 789, 789 },     /* Crimson */
		{ 1217, 1217 },   /* CODESYS 3 */
		{ 1911, 1911 },   /* Fox */
		{ 1962, 1962 },   /* PCWorx */
		{ 2404, 2404 },   /* IEC 60870-5-104 */
		{ 2455, 2455 },   /* CODESYS */
		{ 4840, 4840 },   /* OPC UA */
		{ 4911, 4911 },   /* Fox in TLS */
		{ 5006, 5007 },   /* MELSEC */
		{ 9100, 9109 },   /* raw printing */
		{ 9600, 9600 },   /* FINS */
		{ 10001, 10001 }, /* tank gauges */
		{ 18245, 18246 }, /* SRTP */
		{ 20000, 20000 }, /* DNP3 */
		{ 20547, 20547 }, /* ProConOS */
		{ 34962, 34964 }, /* PROFINET */
		{ 44818, 44818 }, /* EtherNet/IP */
		{ 47808, 47808 }, /* BACnet */
	};

	for (size_t i = 0; i < ARRAY_SIZE(ranges); i++)
		if (port >= ranges[i].first && port <= ranges[i].last)
			return true;
	return false;
}
