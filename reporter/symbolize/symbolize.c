/* SPDX-License-Identifier: MIT */
/*
 * Stacks of the model to frames.  An address is first made relative to its module, so that all
 * processes that loaded the same file share one opened object and one cache of answers.
 */
#include "symbolize/symbolize.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM	1
#define uthash_nonfatal_oom(el) cwr_out_of_memory()
#include <uthash.h>

#include "model/arena.h"
#include "symbolize/demangle.h"
#include "symbolize/object.h"

/* What one address means: several frames where calls were inlined. */
struct answer {
	uint64_t offset;
	size_t nframes;
	struct cwr_frame *frames; /* the model's; without ip, module, build_id and offset */
	UT_hash_handle hh;
};

/* An object and the answers it gave. */
struct source {
	const char *key; /* path and build-id */
	struct cwr_object *object;
	struct answer *answers; /* by offset */
	UT_hash_handle hh;
};

struct cwr_symbolizer {
	struct cwr_model *model;
	char *debug_path;
	struct source *sources; /* by key */
};

struct cwr_symbolizer *cwr_symbolizer_new(struct cwr_model *model, const char *debug_path)
{
	struct cwr_symbolizer *symbolizer = cwr_model_alloc(model, sizeof(*symbolizer));

	symbolizer->model = model;
	if (debug_path)
		symbolizer->debug_path = cwr_model_strdup(model, debug_path);
	return symbolizer;
}

/* The entries are the model's; the tables and the opened files are not. */
static void free_source(struct source *source)
{
	HASH_CLEAR(hh, source->answers);
	cwr_object_close(source->object);
}

void cwr_symbolizer_free(struct cwr_symbolizer *symbolizer)
{
	struct source *source, *next;

	HASH_ITER (hh, symbolizer->sources, source, next)
		free_source(source);
	HASH_CLEAR(hh, symbolizer->sources);
}

/* The stack's pointer to its process is read-only; limits are written through the model's own. */
static struct cwr_process *own_process(struct cwr_model *model, const struct cwr_process *process)
{
	struct cwr_process *own = model->processes;

	while (own && own != process)
		own = own->next;
	return own;
}

static void admit_limit(struct cwr_model *model, const struct cwr_process *process,
			const struct cwr_module *module, const struct cwr_object *object)
{
	struct cwr_process *own = own_process(model, process);
	const char *what = object->state == CWR_OBJECT_REPLACED ? "is not the file that was loaded"
								: "cannot be read";

	if (own && module->path && module->path[0] == '/')
		cwr_model_add_limit(model, own,
				    cwr_model_printf(model, "no source lines for %s: it %s",
						     module->path, what));
}

static struct source *open_source(struct cwr_symbolizer *symbolizer, const char *key,
				  const struct cwr_process *process,
				  const struct cwr_module *module)
{
	struct source *source = cwr_model_alloc(symbolizer->model, sizeof(*source));

	source->key = cwr_model_strdup(symbolizer->model, key);
	source->object = cwr_object_open(process, module, symbolizer->debug_path);
	HASH_ADD_KEYPTR(hh, symbolizer->sources, source->key, strlen(source->key), source);
	if (source->object && source->object->state != CWR_OBJECT_OPEN)
		admit_limit(symbolizer->model, process, module, source->object);
	return source;
}

static struct source *find_source(struct cwr_symbolizer *symbolizer,
				  const struct cwr_process *process,
				  const struct cwr_module *module)
{
	struct source *source;
	char key[PATH_MAX + 128];

	snprintf(key, sizeof(key), "%s\n%s", module->path ? module->path : "",
		 module->build_id ? module->build_id : "");
	HASH_FIND_STR(symbolizer->sources, key, source);
	return source ? source : open_source(symbolizer, key, process, module);
}

enum { INLINE_DEPTH_MAX = 64 };

/* Collects the positions that an object names for one address. */
struct collector {
	struct cwr_model *model;
	size_t nframes;
	struct cwr_frame frames[INLINE_DEPTH_MAX];
};

static void collect(const struct cwr_position *position, void *context)
{
	struct collector *collector = context;
	struct cwr_frame *frame;

	if (collector->nframes == INLINE_DEPTH_MAX)
		return;
	frame = &collector->frames[collector->nframes++];
	frame->line = position->line;
	frame->inlined = position->inlined;
	if (position->function)
		frame->function = cwr_demangle(collector->model, position->function);
	if (position->file)
		frame->file = cwr_model_strdup(collector->model, position->file);
}

static struct answer *ask(struct cwr_model *model, struct source *source, uint64_t offset)
{
	struct collector collector = {.model = model};
	struct answer *answer = cwr_model_alloc(model, sizeof(*answer));
	size_t size;

	/* A return address may already belong to the next line or function. */
	if (source->object)
		cwr_object_look_up(source->object, offset - 1, collect, &collector);
	else
		collector.nframes = 1;
	size = collector.nframes * sizeof(*answer->frames);
	answer->offset = offset;
	answer->nframes = collector.nframes;
	answer->frames = cwr_model_alloc(model, size);
	memcpy(answer->frames, collector.frames, size);
	HASH_ADD(hh, source->answers, offset, sizeof(answer->offset), answer);
	return answer;
}

static const struct answer *find_answer(struct cwr_symbolizer *symbolizer,
					const struct cwr_process *process,
					const struct cwr_module *module, uint64_t offset)
{
	/* Code made at run time belongs to no module: one frame of which nothing is known. */
	static struct cwr_frame nothing;
	static const struct answer unknown = {.nframes = 1, .frames = &nothing};
	struct source *source;
	struct answer *answer;

	if (!module)
		return &unknown;
	source = find_source(symbolizer, process, module);
	HASH_FIND(hh, source->answers, &offset, sizeof(offset), answer);
	return answer ? answer : ask(symbolizer->model, source, offset);
}

/* One address of a stack: where it lies and what that means. */
struct place {
	const struct cwr_module *module;
	uint64_t offset;
	const struct answer *answer;
};

static struct place find_place(struct cwr_symbolizer *symbolizer, const struct cwr_stack *stack,
			       uint64_t ip)
{
	struct place place = {.offset = ip};

	if (stack->process)
		place.module = cwr_object_module_at(stack->process, ip - 1);
	if (place.module)
		place.offset -= place.module->bias;
	place.answer = find_answer(symbolizer, stack->process, place.module, place.offset);
	return place;
}

static void fill_frames(struct cwr_frame *frames, uint64_t ip, const struct place *place)
{
	memcpy(frames, place->answer->frames, place->answer->nframes * sizeof(*frames));
	for (size_t i = 0; i < place->answer->nframes; i++) {
		frames[i].ip = ip;
		frames[i].offset = place->offset;
		frames[i].module = place->module ? place->module->path : NULL;
		frames[i].build_id = place->module ? place->module->build_id : NULL;
	}
}

void cwr_symbolize_stack(struct cwr_symbolizer *symbolizer, struct cwr_stack *stack)
{
	struct cwr_frame *frames;
	size_t nframes = 0;

	if (stack->frames)
		return;
	for (size_t i = 0; i < stack->nips; i++)
		nframes += find_place(symbolizer, stack, stack->ips[i]).answer->nframes;
	frames = cwr_model_alloc(symbolizer->model, (nframes + 1) * sizeof(*frames));
	stack->frames = frames;
	stack->nframes = nframes;
	for (size_t i = 0; i < stack->nips; i++) {
		struct place place = find_place(symbolizer, stack, stack->ips[i]);

		fill_frames(frames, stack->ips[i], &place);
		frames += place.answer->nframes;
	}
}

/* libdw would ask the servers of DEBUGINFOD_URLS; the variable is hidden from it meanwhile. */
static char *hide_debuginfod(void)
{
	const char *urls = getenv("DEBUGINFOD_URLS");
	char *copy = urls ? strdup(urls) : NULL;

	unsetenv("DEBUGINFOD_URLS");
	return copy;
}

static void show_debuginfod(char *urls)
{
	if (urls)
		setenv("DEBUGINFOD_URLS", urls, 1);
	free(urls);
}

static void symbolize_finding(struct cwr_symbolizer *symbolizer, const struct cwr_finding *finding)
{
	for (size_t i = 0; i < CWR_EVIDENCES; i++)
		if (finding->evidence[i].stack)
			cwr_symbolize_stack(symbolizer, finding->evidence[i].stack);
}

struct cwr_error *cwr_symbolize_findings(struct cwr_model *model)
{
	char *urls = hide_debuginfod();
	struct cwr_symbolizer *symbolizer = cwr_symbolizer_new(model, NULL);

	for (struct cwr_finding *finding = model->findings; finding; finding = finding->next)
		symbolize_finding(symbolizer, finding);
	cwr_symbolizer_free(symbolizer);
	show_debuginfod(urls);
	return NULL;
}
