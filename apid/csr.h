/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Certificate requests from gateways: checked here, signed by vpn-service. Pure. */
#pragma once

#include <stdbool.h>

/* One PKCS#10 request in PEM, RSA-3072, that proves the possession of its key. */
bool csr_is_acceptable(const char *pem);
