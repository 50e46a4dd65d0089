/* SPDX-License-Identifier: BSD-3-Clause */
/* What FRR 8.4's daemons say to zebra (ZAPI version 6), as far as keeping their state needs it. */
#ifndef LM_CP_ZAPI_H
#define LM_CP_ZAPI_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define ZAPI_HEADER_BYTES 10
#define ZAPI_MESSAGE_MAX  16384
#define ZAPI_KEY_MAX	  128

/* Commands that others than the classifier look at. */
enum { ZAPI_ROUTE_DELETE = 9, ZAPI_HELLO = 18, ZAPI_NEXTHOP_REGISTER = 20 };

/* A HELLO's protocol, first octet of its body. */
enum { ZAPI_PROTO_BGP = 9 };

enum zapi_role {
	ZAPI_PASS,   /* asks or tells something once: nothing to keep */
	ZAPI_KEEP,   /* state of the client in zebra, in the place of what had the same key */
	ZAPI_FORGET, /* ends the state with that key */
	ZAPI_OTHER   /* state of a kind that is not known here: cannot be given again */
};

/**
 * Length of the whole message at `buf` (`len` octets so far): 0 when not all of it is there,
 * -EPROTO when it is no ZAPI version 6 message.
 */
ssize_t zapi_message_len(const uint8_t *buf, size_t len);

/** Command of a whole message. */
uint16_t zapi_command(const uint8_t *msg);

/**
 * What the whole client message `msg` means for zebra's state. For ZAPI_KEEP and ZAPI_FORGET `key`
 * is filled with `*key_len` octets: equal keys mean the same route, registration or request.
 */
enum zapi_role zapi_classify(
	const uint8_t *msg, size_t len, uint8_t key[ZAPI_KEY_MAX], size_t *key_len);

#endif
