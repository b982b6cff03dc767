/* SPDX-License-Identifier: MIT */
/*
 * Finds the frame description of an address through the sorted table of .eh_frame_hdr and reads it
 * and its common entry.  Pure: reads the object's memory and nothing else.
 */
#include "core/cfi.h"

#include <stdbool.h>
#include <stddef.h>

#include "core/cfi-program.h"

#include "core/poison.h"

/* Pointer encodings (Linux Standard Base Core 5.0, section 10.5.1). */
enum {
	PE_ABSOLUTE = 0x00,
	PE_UDATA2 = 0x02,
	PE_UDATA4 = 0x03,
	PE_UDATA8 = 0x04,
	PE_SDATA2 = 0x0a,
	PE_SDATA4 = 0x0b,
	PE_SDATA8 = 0x0c,
	PE_FORMAT = 0x0f,
	PE_PCREL = 0x10,
	PE_APPLICATION = 0x70,
	PE_SORTED_TABLE = 0x3b /* relative to the header, four bytes, signed */
};

struct entry {
	int32_t start; /* both relative to the header */
	int32_t fde;
};

struct common {
	struct cw_bytes program;
	uint64_t code_align;
	int64_t data_align;
	unsigned int encoding; /* of the addresses in the FDEs */
	bool has_augmentation;
	bool is_signal;
};

static uint64_t read_format(struct cw_bytes *bytes, unsigned int format)
{
	switch (format) {
	case PE_UDATA2:
		return cw_bytes_fixed(bytes, 2);
	case PE_SDATA2:
		return (uint64_t)(int16_t)cw_bytes_fixed(bytes, 2);
	case PE_UDATA4:
		return cw_bytes_fixed(bytes, 4);
	case PE_SDATA4:
		return (uint64_t)(int32_t)cw_bytes_fixed(bytes, 4);
	case PE_ABSOLUTE:
	case PE_UDATA8:
	case PE_SDATA8:
		return cw_bytes_fixed(bytes, 8);
	}
	bytes->is_bad = true;
	return 0;
}

static uint64_t read_encoded(struct cw_bytes *bytes, unsigned int encoding)
{
	uintptr_t here = (uintptr_t)bytes->at;
	uint64_t value = read_format(bytes, encoding & PE_FORMAT);
	unsigned int application = encoding & PE_APPLICATION;

	if (application != PE_PCREL && application != 0)
		bytes->is_bad = true;
	return application == PE_PCREL ? value + here : value;
}

/* From `at` to the end of the frame data; empty and bad if it is not there. */
static struct cw_bytes bytes_from(const struct cw_object *object, uintptr_t at)
{
	if (at < object->data_start || at >= object->data_end)
		return (struct cw_bytes){.is_bad = true};
	return (struct cw_bytes){.at = (const uint8_t *)at,
				 .end = (const uint8_t *)object->data_end};
}

/* A record begins with its length, which bounds what follows. */
static struct cw_bytes record_at(const struct cw_object *object, uintptr_t at)
{
	struct cw_bytes bytes = bytes_from(object, at);
	uint64_t length = cw_bytes_fixed(&bytes, 4);

	if (!length || length > (uint64_t)(bytes.end - bytes.at))
		bytes.is_bad = true;
	else
		bytes.end = bytes.at + length;
	return bytes;
}

static void skip(struct cw_bytes *bytes, uint64_t size)
{
	if (size > (uint64_t)(bytes->end - bytes->at))
		bytes->is_bad = true;
	else
		bytes->at += size;
}

static const char *read_name(struct cw_bytes *bytes)
{
	const char *name = (const char *)bytes->at;

	while (cw_bytes_fixed(bytes, 1) && !bytes->is_bad)
		;
	return name;
}

/* The letters after 'z' say what the augmentation data holds. */
static void read_augmentation(struct cw_bytes *bytes, const char *letters, struct common *ret)
{
	for (; *letters && !bytes->is_bad; letters++) {
		switch (*letters) {
		case 'R':
			ret->encoding = (unsigned int)cw_bytes_fixed(bytes, 1);
			break;
		case 'P':
			read_encoded(bytes, (unsigned int)cw_bytes_fixed(bytes, 1) & PE_FORMAT);
			break;
		case 'L':
			cw_bytes_fixed(bytes, 1);
			break;
		case 'S':
			ret->is_signal = true;
			break;
		default:
			bytes->is_bad = true;
		}
	}
}

static void read_named(struct cw_bytes *bytes, const char *name, struct common *ret)
{
	struct cw_bytes data;
	uint64_t size;

	if (!*name)
		return;
	if (*name != 'z') {
		bytes->is_bad = true;
		return;
	}
	size = cw_bytes_uleb(bytes);
	data = *bytes;
	skip(bytes, size);
	data.end = bytes->at;
	read_augmentation(&data, name + 1, ret);
	bytes->is_bad |= data.is_bad;
	ret->has_augmentation = true;
}

static bool read_common(const struct cw_object *object, uintptr_t at, struct common *ret)
{
	struct cw_bytes bytes = record_at(object, at);
	uint64_t id = cw_bytes_fixed(&bytes, 4), version = cw_bytes_fixed(&bytes, 1);
	const char *name = read_name(&bytes);

	if (bytes.is_bad || id || (version != 1 && version != 3))
		return false;
	*ret = (struct common){.encoding = PE_ABSOLUTE};
	ret->code_align = cw_bytes_uleb(&bytes);
	ret->data_align = cw_bytes_sleb(&bytes);
	/* The return address's column: one byte in version 1. */
	if (version == 1 ? cw_bytes_fixed(&bytes, 1) != 16 : cw_bytes_uleb(&bytes) != 16)
		return false;
	read_named(&bytes, name, ret);
	ret->program = bytes;
	return !bytes.is_bad;
}

/* The last entry of the sorted table that does not begin behind pc; 0: none. */
static uintptr_t find_fde(const struct cw_object *object, uintptr_t pc)
{
	uintptr_t header = (uintptr_t)object->eh_frame_hdr;
	struct cw_bytes bytes = bytes_from(object, header);
	uint64_t version = cw_bytes_fixed(&bytes, 1), eh_frame = cw_bytes_fixed(&bytes, 1);
	uint64_t counted = cw_bytes_fixed(&bytes, 1), table = cw_bytes_fixed(&bytes, 1);
	uint64_t low = 0, count;
	const struct entry *entries;

	read_encoded(&bytes, (unsigned int)eh_frame);
	count = read_encoded(&bytes, (unsigned int)counted);
	entries = (const struct entry *)bytes.at;
	if (bytes.is_bad || version != 1 || table != PE_SORTED_TABLE || (uintptr_t)entries & 3 ||
	    count > (uint64_t)(bytes.end - bytes.at) / sizeof(*entries))
		return 0;
	while (low < count) {
		uint64_t middle = low + (count - low) / 2;

		if (header + (uintptr_t)(int64_t)entries[middle].start <= pc)
			low = middle + 1;
		else
			count = middle;
	}
	return low ? header + (uintptr_t)(int64_t)entries[low - 1].fde : 0;
}

static bool read_fde(const struct cw_object *object, uintptr_t at, uintptr_t pc,
		     struct common *ret_common, struct cw_cfi_program *ret)
{
	struct cw_bytes bytes = record_at(object, at);
	uintptr_t id_at = (uintptr_t)bytes.at;
	uint64_t back = cw_bytes_fixed(&bytes, 4), size;

	if (bytes.is_bad || !back || !read_common(object, id_at - back, ret_common))
		return false;
	ret->start = read_encoded(&bytes, ret_common->encoding);
	size = read_format(&bytes, ret_common->encoding & PE_FORMAT);
	if (ret_common->has_augmentation)
		skip(&bytes, cw_bytes_uleb(&bytes));
	ret->common = ret_common->program;
	ret->own = bytes;
	ret->code_align = ret_common->code_align;
	ret->data_align = ret_common->data_align;
	return !bytes.is_bad && pc >= ret->start && pc - ret->start < size;
}

/*
 * mov $15,%rax; syscall: where handlers return to, with the kernel's frame at rsp
 * (arch/x86/kernel/signal_64.c, struct rt_sigframe).  pc is one byte before it.
 */
static bool is_sigreturn(const struct cw_object *object, uintptr_t pc)
{
	static const uint8_t code[] = {0x48, 0xc7, 0xc0, 0x0f, 0, 0, 0, 0x0f, 0x05};
	const uint8_t *at = (const uint8_t *)pc + 1;

	if (object->end - pc <= sizeof(code))
		return false;
	for (size_t i = 0; i < sizeof(code); i++)
		if (at[i] != code[i])
			return false;
	return true;
}

struct cw_layout cw_cfi_layout(const struct cw_object *object, uintptr_t pc)
{
	struct cw_layout other = {.kind = CW_LAYOUT_OTHER};
	struct cw_cfi_program program;
	struct common common;
	uintptr_t fde = object->eh_frame_hdr ? find_fde(object, pc) : 0;

	if (!fde || !read_fde(object, fde, pc, &common, &program))
		return other;
	if (!common.is_signal)
		return cw_cfi_execute(&program, pc);
	if (is_sigreturn(object, pc))
		other.kind = CW_LAYOUT_SIGNAL;
	return other;
}
