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
	FRAME_PAGES_MAX = 64, /* a frame that is larger is libunwind's */
	TOP_PAGES_MAX = 32,   /* between the last frame and the top of the thread's stack */
	GUESSED_MAX = 0x4000, /* how far above a frame its guessed end may be */
	IP_MIN = 0x4000	      /* no code is below; the start of a thread has 0 above it */
};

enum step { GO_ON, AT_END, LOST };

struct walk {
	uintptr_t ip, sp, bp;
	bool is_exact;	     /* ip is where a signal came in between, not a return address */
	uintptr_t low, high; /* may be read */
};

static uintptr_t main_top; /* an address above the main thread's frames, in the same stack */

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
	main_top = getauxval(AT_RANDOM);
}

static uintptr_t page_of(uintptr_t address)
{
	return address & ~(uintptr_t)(PAGE - 1);
}

static bool is_on_own_stack(uintptr_t address)
{
	return address >= cw_thread.stack_low && address < cw_thread.stack_high;
}

/* The walk goes on at sp, whose page can be read. */
static void begin_at(struct walk *walk, uintptr_t sp)
{
	walk->sp = sp;
	walk->low = is_on_own_stack(sp) ? cw_thread.stack_low : page_of(sp);
	walk->high = is_on_own_stack(sp) ? cw_thread.stack_high : page_of(sp) + PAGE;
}

/* Makes readable what is between the last readable page and this address, and its page. */
static bool extend(struct walk *walk, uintptr_t last, unsigned int pages_max)
{
	if (last < walk->low || last > UINTPTR_MAX - PAGE)
		return false;
	for (unsigned int asked = 0; walk->high <= last; asked++) {
		if (walk->high == cw_thread.stack_low)
			walk->high = cw_thread.stack_high;
		else if (!cw_is_sandboxed && asked < pages_max &&
			 cw_walk_is_readable((void *)walk->high))
			walk->high += PAGE;
		else
			return false;
	}
	return true;
}

static bool read_word(struct walk *walk, uintptr_t at, uintptr_t *ret)
{
	if (at & 7 || at < walk->low || (at + 8 > walk->high && !extend(walk, at, FRAME_PAGES_MAX)))
		return false;
	*ret = *(const uintptr_t *)at;
	return true;
}

static enum step return_to_caller(struct walk *walk, uintptr_t cfa, const struct cw_layout *layout)
{
	uintptr_t saved = layout->bp_rule == CW_BP_AT_CFA ? cfa : walk->bp;

	if (cfa <= walk->sp || !read_word(walk, cfa - 8, &walk->ip))
		return LOST;
	if (layout->bp_rule != CW_BP_SAME &&
	    !read_word(walk, saved + (uintptr_t)(intptr_t)layout->bp, &walk->bp))
		return LOST;
	walk->sp = cfa;
	walk->is_exact = false;
	return walk->ip < IP_MIN ? AT_END : GO_ON;
}

#if defined(__x86_64__)
static bool read_register(struct walk *walk, int index, uintptr_t *ret)
{
	const ucontext_t *context = (const ucontext_t *)walk->sp;

	return read_word(walk, (uintptr_t)&context->uc_mcontext.gregs[index], ret);
}

/* The handler may have run on a stack of its own, so what follows can be anywhere. */
static enum step return_from_signal(struct walk *walk)
{
	uintptr_t sp;

	if (!read_register(walk, REG_RIP, &walk->ip) || !read_register(walk, REG_RBP, &walk->bp) ||
	    !read_register(walk, REG_RSP, &sp))
		return LOST;
	if (sp < walk->low || sp >= walk->high) {
		if (!is_on_own_stack(sp) &&
		    (cw_is_sandboxed || !cw_walk_is_readable((const void *)sp)))
			return LOST;
		begin_at(walk, sp);
	}
	walk->sp = sp;
	walk->is_exact = true;
	return walk->ip < IP_MIN ? LOST : GO_ON;
}
#else
static enum step return_from_signal(struct walk *walk)
{
	return LOST;
}
#endif

/*
 * Code made at run time tells nothing of its frames.  Engines mostly keep frame pointers; libunwind
 * follows them too (its src/x86_64/Gstep.c), if they point a little above the frame.
 */
static enum step follow_frame_pointer(struct walk *walk)
{
	static const struct cw_layout guessed = {
		.kind = CW_LAYOUT_BP, .cfa = 16, .bp_rule = CW_BP_AT_CFA, .bp = -16};

	if (walk->bp < walk->sp || walk->bp - walk->sp > GUESSED_MAX)
		return LOST;
	return return_to_caller(walk, walk->bp + 16, &guessed);
}

static enum step step(struct walk *walk)
{
	struct cw_layout layout = cw_layouts_find(walk->ip - (walk->is_exact ? 0 : 1));
	uintptr_t offset = (uintptr_t)(intptr_t)layout.cfa, cfa;

	switch (layout.kind) {
	case CW_LAYOUT_SP:
		return return_to_caller(walk, walk->sp + offset, &layout);
	case CW_LAYOUT_BP:
		return return_to_caller(walk, walk->bp + offset, &layout);
	case CW_LAYOUT_AT_BP:
		if (!read_word(walk, walk->bp + offset, &cfa))
			return LOST;
		return return_to_caller(walk, cfa, &layout);
	case CW_LAYOUT_SIGNAL:
		return return_from_signal(walk);
	case CW_LAYOUT_END:
		return AT_END;
	case CW_LAYOUT_NONE:
		return follow_frame_pointer(walk);
	default:
		return LOST;
	}
}

/* Threads have their thread-local storage at the top of their stack, except the first one. */
static uintptr_t top_above(uintptr_t address)
{
	uintptr_t top = (uintptr_t)&cw_thread;

	if (top < address || (main_top > address && main_top < top))
		top = main_top;
	return top;
}

/* If what was walked is the lower end of the thread's own stack, it stays readable. */
static void keep_own_stack(struct walk *walk, uintptr_t start)
{
	uintptr_t top = top_above(walk->high - 1), low = page_of(start);

	if (is_on_own_stack(start))
		return;
	if (walk->high != cw_thread.stack_high &&
	    (top < walk->high || !extend(walk, top, TOP_PAGES_MAX)))
		return;
	cw_thread.stack_low = low;
	cw_thread.stack_high = walk->high;
}

bool cw_walk(const struct cw_walk_start *start, uint64_t *ips, size_t max, size_t *ret_n)
{
	struct walk walk = {.ip = start->ip, .bp = start->bp};
	enum step last = GO_ON;
	size_t n = 0;

	begin_at(&walk, start->sp);
	while (n < max && last == GO_ON) {
		ips[n++] = walk.ip;
		if (n < max)
			last = step(&walk);
	}
	*ret_n = n;
	if (last == LOST)
		return false;
	if (walk.low == page_of(start->sp))
		keep_own_stack(&walk, start->sp);
	return true;
}
