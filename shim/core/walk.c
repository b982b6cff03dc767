/* SPDX-License-Identifier: MIT */
/*
 * The walk by layouts.  A frame lies above the one that it called, in the same piece of readable
 * memory; whatever does not look so ends the walk, and libunwind is asked.
 *
 * Pages are asked about one after the other from the first frame on.  Those of the thread's own
 * stack cannot be unmapped while it runs, so they are remembered in thread-local storage; a stack
 * of another kind (a coroutine's, sigaltstack(2)) is asked about in every walk.
 */
#include "core/walk.h"

#include <errno.h>
#include <sys/auxv.h>
#include <ucontext.h>

#include "core/layouts.h"
#include "core/raw.h"
#include "core/sandbox.h"
#include "core/thread.h"

#include "core/poison.h"

enum {
	PAGE = 4096,
	FRAME_PAGES_MAX = 64,	/* a frame that is larger is libunwind's */
	FIRST_STACK = 64 << 20, /* see is_stack_below() */
	THREAD_STACK = 128 << 10,
	TOP_PAGES_MAX = 32,   /* between the last frame and the top of the thread's stack */
	GUESSED_MAX = 0x4000, /* how far above a frame its guessed end may be */
	IP_MIN = 0x4000	      /* no code is below; the start of a thread has 0 above it */
};

enum step { GO_ON, AT_END, LOST };

/* The frame that the walk is at.  Apart from the window, so that it can stay in registers. */
struct frame {
	uintptr_t ip, sp, bp;
	uintptr_t bp_at; /* where bp was read, 0: it is the start's */
	bool is_exact;	 /* ip is where a signal came in between, not a return address */
};

struct window {
	uintptr_t low, high;	     /* may be read */
	uintptr_t start;	     /* sp */
	struct cw_walk_trace *trace; /* or NULL */
};

/*
 * rt_sigprocmask copies the new mask in before it looks at `how`: EFAULT for memory that cannot be
 * read, EINVAL for memory that can (kernel/signal.c, SYSCALL_DEFINE4(rt_sigprocmask)).
 */
bool cw_walk_is_readable(const void *address)
{
	uintptr_t word = (uintptr_t)address & ~(uintptr_t)7;

	return cw_raw(SYS_rt_sigprocmask, -1, word, NULL, 8) != -EFAULT;
}

void cw_walk_init(void)
{
	/* The kernel puts these bytes above the environment's pointers (fs/binfmt_elf.c). */
	cw_thread.stack_top = getauxval(AT_RANDOM);
}

static uintptr_t page_of(uintptr_t address)
{
	return address & ~(uintptr_t)(PAGE - 1);
}

static bool is_on_own_stack(uintptr_t address)
{
	return address >= cw_thread.stack_low && address < cw_thread.stack_high;
}

/* The page of sp can be read. */
static struct window window_at(uintptr_t sp)
{
	if (is_on_own_stack(sp))
		return (struct window){.low = cw_thread.stack_low, .high = cw_thread.stack_high};
	return (struct window){.low = page_of(sp), .high = page_of(sp) + PAGE};
}

static uintptr_t top_of_stack(void)
{
	return cw_thread.stack_top ? cw_thread.stack_top : (uintptr_t)&cw_thread;
}

/*
 * Where the kernel must not be asked: from a frame of the first thread up to the top of its stack
 * all is readable, and nothing else is mapped that near below (the kernel keeps a gap of 128 MiB at
 * least, mmap_base() in arch/x86/mm/mmap.c).  Other threads have their storage at the top of a
 * stack that is seldom smaller than this.
 */
static bool is_stack_below(uintptr_t address)
{
	uintptr_t top = top_of_stack();

	return address < top && top - address < (cw_thread.stack_top ? FIRST_STACK : THREAD_STACK);
}

/* Makes readable what is between the last readable page and this address, and its page. */
static __attribute__((noinline)) bool extend(struct window *window, uintptr_t last,
					     unsigned int pages_max)
{
	if (last < window->low || last > UINTPTR_MAX - PAGE)
		return false;
	for (unsigned int asked = 0; window->high <= last; asked++) {
		if (window->high == cw_thread.stack_low)
			window->high = cw_thread.stack_high;
		else if (cw_is_sandboxed && is_stack_below(window->low))
			window->high = page_of(top_of_stack()) + PAGE;
		else if (!cw_is_sandboxed && asked < pages_max &&
			 cw_walk_is_readable((void *)window->high))
			window->high += PAGE;
		else
			return false;
	}
	return true;
}

static inline bool read_word(struct window *window, uintptr_t at, uintptr_t *ret)
{
	bool is_near = at >= window->low && at < window->high;

	/* The bounds are those of pages, so an aligned word is within or without as a whole. */
	if (at & 7 || (!__builtin_expect(is_near, 1) && !extend(window, at, FRAME_PAGES_MAX)))
		return false;
	*ret = *(const uintptr_t *)at;
	return true;
}

/* A word that decides where the walk goes. */
static __attribute__((noinline)) void note(const struct window *window, uintptr_t at)
{
	struct cw_walk_trace *trace = window->trace;

	if (trace->words == CW_WALK_WORDS_MAX || !is_on_own_stack(at) || at < window->start ||
	    at - window->start > UINT32_MAX) {
		trace->is_whole = false;
		return;
	}
	trace->offset[trace->words] = (uint32_t)(at - window->start);
	trace->value[trace->words++] = *(const uintptr_t *)at;
}

static inline bool is_traced(const struct window *window)
{
	return __builtin_expect(window->trace != NULL, 0);
}

/* rbp decides: often it holds something else that differs each time, and does not matter. */
static inline void note_bp(const struct frame *frame, const struct window *window)
{
	if (!is_traced(window))
		return;
	if (frame->bp_at)
		note(window, frame->bp_at);
	else
		window->trace->needs_bp = true;
}

static inline enum step return_to_caller(struct frame *frame, struct window *window, uintptr_t cfa,
					 struct cw_layout layout)
{
	uintptr_t saved = layout.bp_rule == CW_BP_AT_CFA ? cfa : frame->bp;

	if (cfa <= frame->sp || !read_word(window, cfa - 8, &frame->ip))
		return LOST;
	if (is_traced(window))
		note(window, cfa - 8);
	if (layout.bp_rule != CW_BP_SAME) {
		if (layout.bp_rule == CW_BP_AT_BP)
			note_bp(frame, window);
		frame->bp_at = saved + (uintptr_t)(intptr_t)layout.bp;
		if (!read_word(window, frame->bp_at, &frame->bp))
			return LOST;
	}
	frame->sp = cfa;
	frame->is_exact = false;
	return frame->ip < IP_MIN ? AT_END : GO_ON;
}

#if defined(__x86_64__)
static inline bool read_register(struct window *window, uintptr_t context, int index,
				 uintptr_t *ret)
{
	const ucontext_t *at = (const ucontext_t *)context;

	return read_word(window, (uintptr_t)&at->uc_mcontext.gregs[index], ret);
}

/* The handler may have run on a stack of its own, so what follows can be anywhere. */
static inline enum step return_from_signal(struct frame *frame, struct window *window)
{
	uintptr_t context = frame->sp, sp;

	if (!read_register(window, context, REG_RIP, &frame->ip) ||
	    !read_register(window, context, REG_RBP, &frame->bp) ||
	    !read_register(window, context, REG_RSP, &sp))
		return LOST;
	if (sp < window->low || sp >= window->high) {
		if (!is_on_own_stack(sp) &&
		    (cw_is_sandboxed || !cw_walk_is_readable((const void *)sp)))
			return LOST;
		*window = window_at(sp);
	}
	window->trace = NULL;
	frame->sp = sp;
	frame->is_exact = true;
	return frame->ip < IP_MIN ? LOST : GO_ON;
}
#else
static inline enum step return_from_signal(struct frame *frame, struct window *window)
{
	return LOST;
}
#endif

/*
 * Code made at run time tells nothing of its frames.  Engines mostly keep frame pointers; libunwind
 * follows them too (its src/x86_64/Gstep.c), if they point a little above the frame.
 */
static inline enum step follow_frame_pointer(struct frame *frame, struct window *window)
{
	static const struct cw_layout guessed = {.bp_rule = CW_BP_AT_CFA, .bp = -16};

	if (frame->bp < frame->sp || frame->bp - frame->sp > GUESSED_MAX)
		return LOST;
	return return_to_caller(frame, window, frame->bp + 16, guessed);
}

static inline enum step step(struct frame *frame, struct window *window)
{
	uintptr_t pc = frame->ip - (frame->is_exact ? 0 : 1);
	struct cw_layout layout = cw_layouts_find(pc);
	uintptr_t offset = (uintptr_t)(intptr_t)layout.cfa, cfa;

	if (is_traced(window) && (layout.kind == CW_LAYOUT_SIGNAL || !cw_layouts_is_lasting(pc)))
		window->trace->is_whole = false;
	switch (layout.kind) {
	case CW_LAYOUT_SP:
		return return_to_caller(frame, window, frame->sp + offset, layout);
	case CW_LAYOUT_BP:
		note_bp(frame, window);
		return return_to_caller(frame, window, frame->bp + offset, layout);
	case CW_LAYOUT_AT_BP:
		if (!read_word(window, frame->bp + offset, &cfa))
			return LOST;
		note_bp(frame, window);
		if (is_traced(window))
			note(window, frame->bp + offset);
		return return_to_caller(frame, window, cfa, layout);
	case CW_LAYOUT_SIGNAL:
		return return_from_signal(frame, window);
	case CW_LAYOUT_END:
		return AT_END;
	case CW_LAYOUT_NONE:
		return follow_frame_pointer(frame, window);
	default:
		return LOST;
	}
}

/*
 * If what was walked is the lower end of the thread's own stack, it stays readable.  Threads have
 * their thread-local storage at the top of their stack, except the first one.
 */
static __attribute__((noinline)) void keep_own_stack(struct window *window, uintptr_t start)
{
	uintptr_t top = top_of_stack();

	/* With its top below, or out of reach, it is another stack. */
	if (top < start || (window->high <= top && !extend(window, top, TOP_PAGES_MAX)))
		return;
	cw_thread.stack_low = page_of(start);
	cw_thread.stack_high = window->high;
}

bool cw_walk(const struct cw_walk_start *start, uint64_t *ips, size_t max, size_t *ret_n,
	     struct cw_walk_trace *ret_trace)
{
	struct frame frame = {.ip = start->ip, .sp = start->sp, .bp = start->bp};
	struct window window = window_at(start->sp);
	enum step last = GO_ON;
	size_t n = 0;

	window.start = start->sp;
	window.trace = ret_trace;
	if (ret_trace) {
		ret_trace->is_whole = true;
		ret_trace->needs_bp = false;
		ret_trace->words = 0;
	}
	while (n < max && last == GO_ON) {
		ips[n++] = frame.ip;
		if (n < max)
			last = step(&frame, &window);
	}
	*ret_n = n;
	if (last == LOST) {
		if (ret_trace)
			ret_trace->is_whole = false;
		return false;
	}
	if (!is_on_own_stack(start->sp) && window.low == page_of(start->sp))
		keep_own_stack(&window, start->sp);
	return true;
}
