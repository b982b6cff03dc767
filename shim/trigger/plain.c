/* SPDX-License-Identifier: MIT */
/*
 * A report in plain text, made by the shim itself in a chroot, or where the reporter is not
 * installed. It names only causes that one process's own history decides; the session holds the
 * same facts.
 */
#include "trigger/plain.h"

#include <stdbool.h>
#include <stddef.h>

#include "core/raw.h"
#include "core/text.h"
#include "track/slots.h"

#include "core/poison.h"

enum { FRAMES = 4 };

static bool is_leaked(const struct cw_slot *slot)
{
	return slot && slot->probe.flags & CW_PROBE_FIN_SEEN && slot->via != CW_VIA_FORK;
}

static const char *cause(const struct cw_slot *slot)
{
	if (slot->shutdown.tick)
		return "shutdown-not-closed";
	if (slot->flags & CW_SLOT_RESET || slot->probe.tcp_state == 7)
		return "reset-not-closed";
	if (slot->eof.tick)
		return "eof-read-not-closed";
	return slot->created.tick ? "unread-not-closed" : "opened-elsewhere";
}

static bool is_same_finding(const struct cw_slot *a, const struct cw_slot *b)
{
	return a->created.stack == b->created.stack && cause(a) == cause(b);
}

static void add_address(struct cw_text *text, struct cw_map *map, uint64_t ip)
{
	uint32_t used = map->header->section[CW_SECTION_MODULES].used;

	for (uint32_t i = 0; i < used; i++) {
		struct cw_module *module = cw_session_peek(map, CW_SECTION_MODULES, i);

		if (!module || ip < module->start || ip >= module->end)
			continue;
		cw_text_add(text, module->path);
		cw_text_add(text, "+0x");
		cw_text_add_hex(text, ip - 1 - module->bias);
		return;
	}
	cw_text_add(text, "0x");
	cw_text_add_hex(text, ip);
}

static void write_stack(struct cw_map *map, const char *label, uint32_t id)
{
	const struct cw_stack *stack;

	if (!id)
		return;
	stack = cw_session_range(map, CW_SECTION_STACKS, (uint64_t)id * 8, sizeof(*stack));
	for (uint16_t i = 0; stack && i < stack->nframes && i < FRAMES; i++) {
		char line[CW_PATH_MAX + 64];
		struct cw_text text = CW_TEXT(line);

		cw_text_add(&text, label);
		add_address(&text, map, stack->ip[i]);
		cw_message(line, NULL);
		label = "               ";
	}
}

static void write_finding(struct cw_map *map, const struct cw_slot *first, uint32_t count)
{
	char line[128];
	struct cw_text text = CW_TEXT(line);

	cw_text_add_dec(&text, count);
	cw_text_add(&text, count == 1 ? " socket, fd " : " sockets, the first is fd ");
	cw_text_add_dec(&text, first->fd);
	cw_text_add(&text, ": ");
	cw_text_add(&text, cause(first));
	cw_message(line, NULL);
	write_stack(map, "  created at   ", first->created.stack);
	write_stack(map, "  EOF read at  ", first->eof.stack);
	write_stack(map, "  shut down at ", first->shutdown.stack);
}

/* Is this the first leaked descriptor of its finding?  Then *ret_count is how many there are. */
static bool starts_finding(const struct cw_slot *slot, uint32_t end, uint32_t *ret_count)
{
	*ret_count = 0;
	for (uint32_t fd = 0; fd < end; fd++) {
		struct cw_slot *other = cw_slots_find((int)fd);

		if (!is_leaked(other) || !is_same_finding(slot, other))
			continue;
		if (other->fd < slot->fd)
			return false;
		++*ret_count;
	}
	return true;
}

uint32_t cw_plain_report(struct cw_map *map)
{
	uint32_t end = cw_slots_end(), total = 0, count;

	for (uint32_t fd = 0; fd < end; fd++) {
		struct cw_slot *slot = cw_slots_find((int)fd);

		if (!is_leaked(slot) || !starts_finding(slot, end, &count))
			continue;
		write_finding(map, slot, count);
		total += count;
	}
	return total;
}
