/* SPDX-License-Identifier: MIT */
/*
 * What a write said, as far as its first five bytes tell: the header of a TLS record (RFC 8446,
 * section 5.1; RFC 5246, section 6.2.1).  So that the one write that ends a TLS session, and those
 * of its handshake, get a stack, and no other does.  No system call, no memory but those bytes.
 */
#ifndef CW_TRACK_RECORD_H
#define CW_TRACK_RECORD_H

#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "cwshim/session.h"

enum {
	CW_RECORD_HEADER = 5,
	CW_RECORD_CHANGE_CIPHER = 20,
	CW_RECORD_ALERT = 21,
	CW_RECORD_HANDSHAKE = 22,
	CW_RECORD_DATA = 23,
	/* TLS 1.3 hides the type; an alert has two bytes, one of type and sixteen of authentication
	 * (RFC 8446, section 5.2), which two bytes of data have as well. */
	CW_RECORD_ALERT_1_3 = 19,
};

/* data: what was written, NULL if it cannot be seen; size: bytes that may be looked at. */
static inline uint8_t cw_record_of(const unsigned char *data, size_t size)
{
	if (!data || size < CW_RECORD_HEADER || data[1] != 3)
		return CW_WROTE_OTHER;
	if (data[0] == CW_RECORD_ALERT ||
	    (data[0] == CW_RECORD_DATA && size == CW_RECORD_HEADER + CW_RECORD_ALERT_1_3 &&
	     !data[3] && data[4] == CW_RECORD_ALERT_1_3))
		return CW_WROTE_ALERT;
	if (data[0] == CW_RECORD_HANDSHAKE || data[0] == CW_RECORD_CHANGE_CIPHER)
		return CW_WROTE_HANDSHAKE;
	return CW_WROTE_OTHER;
}

/* The same for a vector: a TLS library puts a record's header into one piece. */
static inline uint8_t cw_record_of_vector(const struct iovec *iov, size_t count, size_t written)
{
	size_t size;

	if (!count)
		return CW_WROTE_OTHER;
	size = iov[0].iov_len < written ? iov[0].iov_len : written;
	return cw_record_of(iov[0].iov_base, size);
}

#endif
