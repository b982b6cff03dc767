/* SPDX-License-Identifier: MIT */
/*
 * Is a half-open connection still in use?  Asked by the rule of that name, and by rules that must
 * not call a connection leaked while somebody serves it.
 */
#ifndef CWR_INUSE_H
#define CWR_INUSE_H

#include "model/model.h"

/* The counting holder that still sends, as it may after the peer's FIN, or NULL. */
struct cwr_holder *cwr_inuse_find(const struct cwr_model *model, const struct cwr_socket *socket);

#endif
