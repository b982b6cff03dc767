/* SPDX-License-Identifier: MIT */
/*
 * Fingerprints of stacks; see fingerprint.h.  The hash is 64-bit FNV-1a.
 */
#include "diagnose/fingerprint.h"
#include "model/site.h"

#include <string.h>

static uint64_t fold(uint64_t fingerprint, const void *data, size_t size)
{
	const unsigned char *bytes = data;

	for (size_t i = 0; i < size; i++)
		fingerprint = (fingerprint ^ bytes[i]) * 0x100000001b3u;
	return fingerprint;
}

uint64_t cwr_fingerprint_text(uint64_t fingerprint, const char *text)
{
	return text ? fold(fingerprint, text, strlen(text) + 1) : fold(fingerprint, "\xff", 1);
}

static const struct cwr_module *find_module(const struct cwr_process *process, uint64_t address)
{
	for (size_t i = 0; process && i < process->nmodules; i++)
		if (address >= process->modules[i].start && address < process->modules[i].end)
			return &process->modules[i];
	return NULL;
}

uint64_t cwr_fingerprint_stack(uint64_t fingerprint, const struct cwr_stack *stack)
{
	if (!stack)
		return fold(fingerprint, "\xfe", 1);
	for (size_t i = 0; i < stack->nips; i++) {
		/* A return address may be one past its function, or even its module. */
		const struct cwr_module *m = find_module(stack->process, stack->ips[i] - 1);
		uint64_t offset = m ? stack->ips[i] - m->bias : 0;
		const char *name =
			m && m->build_id ? m->build_id : cwr_site_basename(m ? m->path : NULL);

		fingerprint = cwr_fingerprint_text(fingerprint, name);
		fingerprint = fold(fingerprint, &offset, sizeof(offset));
	}
	return fingerprint;
}

static uint64_t fold_frame(uint64_t fingerprint, const struct cwr_frame *frame)
{
	const char *module = frame->build_id ? frame->build_id : cwr_site_basename(frame->module);

	fingerprint = cwr_fingerprint_text(fingerprint, frame->function);
	if (frame->file && frame->line) {
		fingerprint = cwr_fingerprint_text(fingerprint, cwr_site_basename(frame->file));
		return fold(fingerprint, &frame->line, sizeof(frame->line));
	}
	fingerprint = cwr_fingerprint_text(fingerprint, module);
	return frame->module ? fold(fingerprint, &frame->offset, sizeof(frame->offset))
			     : fingerprint;
}

uint64_t cwr_fingerprint_source(uint64_t fingerprint, const struct cwr_stack *stack)
{
	if (!stack || !stack->nframes)
		return cwr_fingerprint_stack(fingerprint, stack);
	for (size_t i = 0; i < stack->nframes; i++)
		fingerprint = fold_frame(fingerprint, &stack->frames[i]);
	return fingerprint;
}
