/* SPDX-License-Identifier: MIT */
/*
 * The session: the file in which the shim, inside the target, leaves raw facts for the reporter.
 * This is the one header that both share.  It holds the on-disk structures and nothing else.
 *
 * One writer process owns a session.  Its forked descendants, as long as they have none of their
 * own, write only the `note` of a slot, the `state` of their own fork record, and new stacks.
 * A reader maps the file while it is being written: it copies a slot under its sequence lock
 * (odd: being written) and trusts no offset, length or index found in it.
 *
 * Version rule: CW_SESSION_VERSION rises with every change of layout or meaning.  A reader refuses
 * a version that it does not know.  Sections are found through the header, never by computation.
 *
 * Times are nanoseconds of CLOCK_MONOTONIC unless the name says `real`.  All numbers are in the
 * byte order of the machine that wrote them.
 */
#ifndef CWSHIM_SESSION_H
#define CWSHIM_SESSION_H

#include <stdint.h>

#define CW_SESSION_MAGIC \
	"CWSHIM\r\n" /* 8 bytes, no terminator on disk; \r\n shows text-mode damage */
#define CW_SESSION_VERSION 13u
#define CW_SESSION_SUFFIX  ".cws" /* files are named PID-STARTMONO.cws, STARTMONO in hexadecimal */
/* A process that could have no session has an empty memory file of this name mapped instead. */
#define CW_OFF_NAME "cwshim-off"
/*
 * To a `cwshim run`: the line in its FIFO that starts so goes on with the number of a process that
 * could have no session; that line says that one will record in its memory alone; the file of that
 * name beside it is opened by one that is under a filter.
 */
#define CW_NOTIFY_REFUSED "refused "
#define CW_NOTIFY_MEMORY  "memory"
/*
 * The same lines as datagrams to a socket without a place in any directory (unix(7), abstract), for
 * who cannot reach the FIFO: this, and the name of the directory that the FIFO is in.
 */
#define CW_NOTIFY_SOCKET   "cwshim/"
#define CW_NOTIFY_FILTERED "filtered"

/* Fixed sizes.  The sections' own capacities stand in the header. */
enum {
	CW_PATH_MAX = 512,
	CW_CMDLINE_MAX = 2048, /* arguments, each ended by a NUL, cut at this length */
	CW_BUILD_ID_MAX = 32,
	CW_LIFE_BUCKETS = 40, /* bucket n counts lives of [2^(n-1), 2^n) ms; bucket 0: under 1 ms */
	CW_HANDED_WAYS = 8,   /* entries a set of the handed-over cache */
	CW_STACK_FRAMES_MAX = 128,
};

/*
 * In a seccomp sandbox nobody can be asked for a cookie: the shim makes up a number that the kernel
 * would reach last (it counts from 1 up and, rarely, from 2^64 - 1 down, include/linux/cookie.h).
 * Its lower bits are the process's number and a count.
 */
#define CW_COOKIE_UNNAMED	     (1ull << 63)
#define CW_COOKIE_IS_UNNAMED(cookie) ((cookie) >> 62 == 2)

/*
 * A session that is kept in memory alone lies in the library's own data.  Its address follows the
 * library about: a note of this owner and type holds, in eight bytes, how far the session is from
 * those bytes.
 */
#define CW_NOTE_OWNER "cwshim"
enum { CW_NOTE_MEMORY = 1 };

/* How a descriptor came into this process.  JSON's `via`, in this order. */
enum cw_via {
	CW_VIA_UNKNOWN,
	CW_VIA_SOCKET, /* socket(); for a client, see also CW_ROLE_CONNECTED */
	CW_VIA_ACCEPT,
	CW_VIA_CONNECT, /* socket() followed by connect(); `created` is then the connect site */
	CW_VIA_PAIR,
	CW_VIA_DUP,
	CW_VIA_FORK,
	CW_VIA_EXEC,
	CW_VIA_PASSED,
};

/* What the socket is.  JSON's `role`, in this order. */
enum cw_role {
	CW_ROLE_UNKNOWN,
	CW_ROLE_SOCKET, /* neither connected nor accepted: a listener, or not used yet */
	CW_ROLE_ACCEPTED,
	CW_ROLE_CONNECTED,
	CW_ROLE_PAIR,
	CW_ROLE_INHERITED, /* came through exec */
	CW_ROLE_RECEIVED,  /* came through SCM_RIGHTS */
};

/* cw_slot.flags */
enum {
	CW_SLOT_LIVE = 1 << 0, /* the descriptor is open as far as the shim saw */
	CW_SLOT_CLOEXEC =
		1 << 1, /* close-on-exec, as made or last set by fcntl() (else: ask the kernel) */
	CW_SLOT_SHUT_RD = 1 << 2,	 /* this process called shutdown for reading */
	CW_SLOT_SHUT_WR = 1 << 3,	 /* ... for writing */
	CW_SLOT_RESET = 1 << 4,		 /* a call failed with ECONNRESET, EPIPE or ETIMEDOUT */
	CW_SLOT_CLOSED_AT_EXIT = 1 << 5, /* closed after the process had entered exit */
	CW_SLOT_SHARED = 1 << 6,    /* (handed-over cache) a fork took a copy before the close */
	CW_SLOT_WAS_DUPED = 1 << 7, /* another descriptor of this process was made from it */
};

/* cw_slot.wrote: what the first write was, by the header of a TLS record (RFC 8446, 5.1). */
enum cw_wrote { CW_WROTE_NOTHING, CW_WROTE_HANDSHAKE, CW_WROTE_ALERT, CW_WROTE_OTHER };

/* cw_slot.talk: whose turn it is, as long as a client's turns are counted. */
enum cw_talk { CW_TALK_UNCOUNTED, CW_TALK_ASKED, CW_TALK_ANSWERED };

#define CW_TURNS_MAX 3

/*
 * One thing that happened: when, from which stack (id in CW_SECTION_STACKS, 0: none), by whom and
 * through which call.  `tick` 0 means that it did not happen.  Twelve bytes, because a descriptor
 * has eleven of them.
 */
struct cw_mark {
	uint64_t tick : 44 __attribute__((packed));
	uint64_t stack : 20 __attribute__((packed));
	uint32_t who; /* CW_WHO(thread or process id, function) */
};

/* A tick is 2^20 ns, 1.05 ms, and all times that the shim takes are of whole ticks. */
#define CW_TICK_BITS	  20
#define CW_MARK_T(mark)	  ((uint64_t)(mark).tick << CW_TICK_BITS)
#define CW_MARK_TICK(t)	  ((t) >> CW_TICK_BITS & ((1ull << 44) - 1))
#define CW_MARK_STACK(id) ((id)&0xfffffu)
#define CW_MARK(t, id, by) \
	((struct cw_mark){.tick = CW_MARK_TICK(t), .stack = CW_MARK_STACK(id), .who = (by)})

/* PID_MAX_LIMIT is 2^22 (linux/threads.h), so ten bits are left for the function. */
#define CW_WHO(id, fn) (((uint32_t)(id)&0x3fffffu) | ((uint32_t)(fn) << 22))
#define CW_WHO_ID(who) ((who)&0x3fffffu)
#define CW_WHO_FN(who) ((who) >> 22)

/*
 * What descendants without a session of their own did to a socket that they inherited.  `who` of
 * these marks holds the process id.  Valid only while cookie_lo equals the slot's cookie's low
 * half.
 */
struct cw_note {
	uint32_t cookie_lo;
	/*
	 * Of the descendant that wrote last; its record: CW_SECTION_FORKS.  0: it was sent the
	 * socket (SCM_RIGHTS), and has ended.
	 */
	uint32_t fork_seq;
	uint32_t fork_stack; /* the site of that fork, kept because the ring of forks forgets */
	uint32_t closes;     /* how many descendants closed their copy */
	struct cw_mark eof;
	/*
	 * A close() or shutdown() (`who` tells which): by the reader of the end-of-file if it made
	 * one, else by the one forked first.
	 */
	struct cw_mark closed;
};

/* cw_probe.flags */
enum {
	CW_PROBE_CONFIRMED = 1 << 0, /* SO_COOKIE still was this socket's */
	CW_PROBE_FIN_SEEN = 1 << 1,  /* the peer has closed, by state or by poll's POLLRDHUP */
	CW_PROBE_CLOEXEC = 1 << 2,
	CW_PROBE_HAS_QUEUES = 1 << 3, /* unread and unsent are known */
};

/* What the kernel said when the shim last took the state (header's t_probe).  flags 0: never asked.
 */
struct cw_probe {
	uint32_t fin_age_ms; /* tcpi_last_ack_recv: the age of the FIN in CLOSE_WAIT */
	uint32_t unread;     /* FIONREAD, bytes (does not count the FIN) */
	uint32_t unsent;     /* SIOCOUTQ, bytes */
	uint8_t tcp_state;   /* TCP_ESTABLISHED ... of linux/tcp_states.h */
	uint8_t flags;
	uint16_t reserved;
};

/* One descriptor.  In CW_SECTION_SLOTS the index is the descriptor's number. */
struct cw_slot {
	uint32_t seq; /* sequence lock: odd while the owner writes */
	uint8_t role;
	uint8_t via;
	uint8_t family; /* AF_INET, AF_INET6, AF_UNIX */
	uint8_t flags;
	uint64_t cookie;	/* SO_COOKIE; 0: the slot was never used */
	struct cw_mark created; /* accept, connect, socket: the creating call of the socket */
	struct cw_mark
		via_mark;  /* dup, fdopen, receive: how this descriptor came, if by another call */
	uint32_t fork_seq; /* the number of forks this process had made when the slot was filled */
	int32_t fd;	   /* own number, or in the handed-over cache: the number it had */
	int32_t from_fd;   /* dup: the descriptor it was made from; else -1 */
	uint16_t local_port; /* host byte order */
	uint16_t peer_port;
	uint8_t local[16]; /* IPv4 in the first four bytes */
	uint8_t peer[16];
	struct cw_mark shutdown; /* the latest shutdown() */
	/* From here on, `waited` included: what each read or write looks at. */
	uint8_t wrote;	    /* enum cw_wrote */
	uint8_t waits;	    /* how often `waited` was filled */
	uint8_t turns;	    /* of a client: writes that came after a read, at most CW_TURNS_MAX */
	uint8_t talk;	    /* enum cw_talk */
	struct cw_mark eof; /* a read returned 0; `who` holds the thread */
	/*
	 * Last use that moved data.  tick and stack only for writes after `eof` and for TLS alerts;
	 * `who` is then that write's, whatever was read since.  Of a listener, the latest accept.
	 */
	struct cw_mark last;
	/*
	 * A read that would have blocked (EAGAIN), if nothing was moved since: one of the first, of
	 * a socket on which nothing was written or a TLS handshake came first.
	 */
	struct cw_mark waited;
	struct cw_mark unpolled; /* taken out of an epoll set, the latest time */
	struct cw_mark passed;	 /* sent to another process with SCM_RIGHTS */
	struct cw_mark closed;	 /* own close (closed at exit, or in the handed-over cache) */
	struct cw_note note;
	struct cw_probe probe;
};

/*
 * A fork of this process, in a ring: the record of fork number n stands at index (n - 1) %
 * capacity. A socket whose slot has fork_seq < n was open in this process, and so handed down, at
 * fork n.
 */
struct cw_fork {
	uint32_t seq; /* 0: empty */
	int32_t pid;  /* 0: not known; CW_FORK_PENDING: the call has not returned yet */
	uint32_t stack;
	uint32_t state; /* enum cw_fork_state, written by the child */
	uint64_t t;
	uint32_t tid;	     /* the thread that forked */
	uint32_t fn;	     /* the function it called */
	uint32_t exec_stack; /* of the exec in a child without a session, written by the child */
	uint32_t dup_stack;  /* of its first dup() of a socket, likewise */
};

enum { CW_FORK_PENDING = -1 };

enum cw_fork_state { CW_FORK_RUNNING, CW_FORK_EXITED, CW_FORK_HAS_SESSION, CW_FORK_EXECED };

/* Statistics of one creation site, keyed by stack id (open addressing, linear probing). */
struct cw_site {
	uint32_t stack; /* 0: empty */
	uint32_t reserved;
	uint64_t created;
	uint64_t closed;
	uint64_t
		t_served; /* creation of the newest on which data moved, of those closed; 0: none */
	uint32_t life[CW_LIFE_BUCKETS];
};

/*
 * Things worth knowing that belong to no open descriptor, in a ring.  With a cookie: the thread
 * that had read the end-of-file of that socket closed descriptor fd instead; result is -EBADF if
 * there was none, and 0 if there was, and somebody went on using it.
 */
struct cw_event {
	uint64_t seq; /* 1, 2, ...; 0: empty */
	uint64_t t;
	uint64_t cookie;
	uint32_t who; /* thread and function */
	uint32_t stack;
	int32_t fd;
	int32_t result; /* -errno or the value */
};

/*
 * A forked child that made a session of its own, entered by itself.  One that ends with nothing to
 * tell takes its entry out; the sessions of others stay until their place is needed.
 */
struct cw_child {
	int32_t pid; /* 0: empty */
	uint32_t reserved;
	uint64_t start_ticks; /* /proc/PID/stat field 22 */
	uint64_t stamp;	      /* STARTMONO in the name of its session */
};

/* A mapped object, so that addresses can be understood after the process is gone. */
struct cw_module {
	uint64_t start; /* first and one past the last mapped address */
	uint64_t end;
	uint64_t bias; /* dlpi_addr: address - bias = address in the file's symbol tables */
	uint32_t build_id_len;
	uint8_t build_id[CW_BUILD_ID_MAX];
	char path[CW_PATH_MAX];
	uint32_t ready; /* 1 once the rest is written */
};

/*
 * A stack: its id is the offset of this record in CW_SECTION_STACKS divided by 8.  ip[0] is the
 * innermost frame.  Addresses are return addresses: look up ip - 1.
 */
struct cw_stack {
	uint32_t hash;
	uint16_t nframes;
	uint16_t flags; /* enum cw_stack_flags */
	uint64_t ip[];
};

enum cw_stack_flags {
	CW_STACK_CUT = 1 << 0,	  /* deeper than the option `depth` */
	CW_STACK_FP = 1 << 1,	  /* walked by frame pointers */
	CW_STACK_CALLER = 1 << 2, /* only the caller; if also CUT, as far as could be walked */
};

/* Entry of CW_SECTION_STACK_INDEX: hash table of stack ids; 0: empty. */
typedef uint32_t cw_stack_id;

enum cw_section_id {
	CW_SECTION_MODULES,	/* struct cw_module[] */
	CW_SECTION_STACK_INDEX, /* cw_stack_id[] (for the shim's own look-ups) */
	CW_SECTION_STACKS,	/* struct cw_stack, one after the other */
	CW_SECTION_SITES,	/* struct cw_site[] */
	CW_SECTION_FORKS,	/* struct cw_fork[] */
	CW_SECTION_EVENTS,	/* struct cw_event[] */
	CW_SECTION_HANDED,	/* struct cw_slot[]: closed here while a forked copy was about */
	CW_SECTION_CHILDREN,	/* struct cw_child[]: forked children with a session of their own */
	CW_SECTION_FUNCTIONS,	/* char[32][]: names of the function ids in `who` */
	CW_SECTION_SLOTS,	/* struct cw_slot[]: the descriptor table */
	CW_SECTION_LATEST,	/* struct cw_slot[]: as HANDED, those closed last, a ring */
	CW_SECTIONS
};

struct cw_section {
	uint64_t offset;     /* bytes from the start of the file */
	uint64_t size;	     /* bytes reserved; the file is sparse */
	uint32_t entry_size; /* bytes */
	uint32_t used;	     /* SLOTS: highest descriptor ever used + 1; STACKS: bytes used;
			      * MODULES, FUNCTIONS: entries; FORKS, EVENTS, LATEST: ever
			      * written; else 0 */
};

/* How the process ended, as far as the shim saw. */
enum cw_end { CW_END_NONE, CW_END_EXITED, CW_END_SIGNALED, CW_END_EXEC };

/* Why recording was switched off. */
enum cw_off {
	CW_OFF_NO,
	CW_OFF_SPACE, /* no room on the file system for another block */
	CW_OFF_INTERNAL,
};

/*
 * The talk between shim and reporter while a report is taken; a futex word.  At exit the shim asks,
 * waits for CAPTURED (the reporter has read the kernel's facts and knows the verdict), lets the
 * program tear itself down, says FINISH, and waits for DONE (the report is written).  From a signal
 * handler it only asks.
 */
enum cw_phase { CW_PHASE_IDLE, CW_PHASE_ASKED, CW_PHASE_CAPTURED, CW_PHASE_FINISH, CW_PHASE_DONE };

/* cw_session_header.flags */
enum {
	CW_SESSION_IN_MEMORY =
		1 << 0, /* there is no file: exe, ppid and their like are not filled */
	CW_SESSION_SANDBOXED = 1 << 1, /* a seccomp filter is on: cookies cannot be asked for */
	CW_SESSION_SUDDEN = 1 << 2,    /* t_exit is of a deadly signal that was never handled */
	CW_SESSION_RECEIVED = 1 << 3,  /* the process was sent sockets (SCM_RIGHTS) */
};

enum cw_reason { CW_REASON_NONE, CW_REASON_EXIT, CW_REASON_SIGNAL, CW_REASON_THRESHOLD };

struct cw_session_header {
	char magic[8];
	uint32_t version;
	uint32_t header_size; /* sizeof(struct cw_session_header) */
	uint32_t ready;	      /* 1 once header and sections are complete */
	uint32_t sections;    /* CW_SECTIONS */
	struct cw_section section[CW_SECTIONS];

	int32_t pid;
	int32_t ppid;
	uint32_t uid;
	uint32_t from_fork;    /* 1: forked from `parent_pid`'s session and not exec'd since */
	uint64_t start_ticks;  /* /proc/PID/stat field 22: with pid, names the process */
	uint64_t t_start;      /* when the session began, monotonic */
	uint64_t t_start_real; /* the same instant, CLOCK_REALTIME */
	uint64_t t_forked;     /* from_fork: when */
	int32_t parent_pid; /* whose session this one's inherited sockets were recorded in; 0: none
			     */
	uint32_t parent_fork_seq; /* number of that fork in the parent's session */
	uint64_t parent_t_start;  /* t_start of the parent's session */
	uint64_t netns;		  /* inode of the network namespace, 0: unknown */
	uint64_t pidns; /* inode of the pid namespace that all numbers are of, 0: unknown */

	uint32_t end; /* enum cw_end */
	int32_t end_status;
	uint64_t t_end;
	uint32_t off; /* enum cw_off */
	int32_t off_errno;

	uint64_t created; /* sockets ever recorded */
	uint64_t closed;
	uint64_t forks;
	uint64_t events;
	uint64_t lost_stacks;	   /* no room for a stack */
	uint64_t lost_slots;	   /* descriptor above the table */
	uint64_t lost_handed;	   /* evicted from the handed-over cache before it was done with */
	uint64_t drift;		   /* slots that the kernel contradicted and that were corrected */
	uint64_t lost_sessions;	   /* children that could have none (chroot, another user) */
	uint64_t emfile;	   /* accept or socket failed with EMFILE or ENFILE */
	uint64_t late;		   /* the option of that name, nanoseconds: see closed_late */
	uint64_t closed_late;	   /* sockets closed longer after their end-of-file than `late` */
	uint64_t children;	   /* sessions that forked children made, ever */
	uint64_t forgotten;	   /* of these, ended ones that were removed to make room */
	uint64_t handed_blocks[2]; /* of CW_SECTION_HANDED: a bit for each that the owner made real
				    */

	uint32_t phase;	 /* enum cw_phase, futex */
	uint32_t reason; /* enum cw_reason of the latest request */
	uint32_t requests;
	uint32_t failing;	 /* written by the reporter: findings whose verdict is in fail_on */
	uint64_t t_exit;	 /* when the process entered exit; 0: not yet */
	uint64_t t_probe;	 /* when the kernel was last asked about all sockets; 0: never */
	struct cw_mark executed; /* the exec that ended this image, `who` holds the thread */
	uint32_t flags;		 /* CW_SESSION_... */
	uint32_t unwinder;	 /* 0 none, 1 caller, 2 fp, 3 libunwind: what really is in use */

	char shim_version[16];
	char exe[CW_PATH_MAX];
	uint32_t cmdline_len;
	char cmdline[CW_CMDLINE_MAX];
};

#endif
