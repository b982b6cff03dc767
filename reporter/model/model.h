/* SPDX-License-Identifier: MIT */
/*
 * The model: what is known of processes, sockets and their holders, joined over all sessions and
 * the kernel's testimony, and the findings drawn from it.
 *
 * session/ and kernel/ fill it, diagnose/ reads it and adds findings, symbolize/ fills the frames
 * of the stacks that findings use, render/ prints it.  Nothing here opens a file.  One thread.
 *
 * Ownership: everything hangs from struct cwr_model and is freed by cwr_model_free(); strings are
 * the model's (made with cwr_model_strdup()).  Pointers stay valid for the model's life.
 * Unknown facts are said to be unknown (a `known` member, -1, or NULL), never filled in.
 * Times are nanoseconds of CLOCK_MONOTONIC of this boot unless the name says `real`.
 */
#ifndef CWR_MODEL_H
#define CWR_MODEL_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* The same order as the shim's enum cw_via and enum cw_role; names are JSON's. */
enum cwr_via {
	CWR_VIA_UNKNOWN,
	CWR_VIA_SOCKET,
	CWR_VIA_ACCEPT,
	CWR_VIA_CONNECT,
	CWR_VIA_PAIR,
	CWR_VIA_DUP,
	CWR_VIA_FORK,
	CWR_VIA_EXEC,
	CWR_VIA_PASSED,
};

enum cwr_role {
	CWR_ROLE_UNKNOWN,
	CWR_ROLE_SOCKET,
	CWR_ROLE_ACCEPTED,
	CWR_ROLE_CONNECTED,
	CWR_ROLE_PAIR,
	CWR_ROLE_INHERITED,
	CWR_ROLE_RECEIVED,
};

/* Values of linux/tcp_states.h; 0: unknown. */
enum cwr_tcp_state {
	CWR_TCP_UNKNOWN = 0,
	CWR_TCP_ESTABLISHED = 1,
	CWR_TCP_SYN_SENT,
	CWR_TCP_SYN_RECV,
	CWR_TCP_FIN_WAIT1,
	CWR_TCP_FIN_WAIT2,
	CWR_TCP_TIME_WAIT,
	CWR_TCP_CLOSE,
	CWR_TCP_CLOSE_WAIT,
	CWR_TCP_LAST_ACK,
	CWR_TCP_LISTEN,
	CWR_TCP_CLOSING,
};

enum cwr_verdict { CWR_LEAK, CWR_STALL, CWR_IDLE, CWR_IN_USE, CWR_VERDICTS };
enum cwr_confidence { CWR_HIGH, CWR_MEDIUM, CWR_LOW };

/* A source position; several frames share one ip where calls were inlined (innermost first). */
struct cwr_frame {
	uint64_t ip;	      /* as recorded: a return address */
	const char *module;   /* path, or NULL */
	const char *build_id; /* lower-case hexadecimal, or NULL */
	uint64_t offset;      /* ip relative to the module's load bias */
	const char *function; /* demangled, or NULL */
	const char *file;     /* as the compiler recorded it, or NULL */
	unsigned int line;    /* 0: unknown */
	bool inlined;	      /* this frame was inlined into the next one */
};

struct cwr_module {
	uint64_t start;
	uint64_t end;
	uint64_t bias;
	const char *path;
	const char *build_id; /* hexadecimal, or NULL */
};

struct cwr_process;

/* What a stack was doing in a TLS library. */
enum cwr_tls {
	CWR_TLS_UNKNOWN,
	CWR_TLS_NONE,
	CWR_TLS_READ,
	CWR_TLS_WRITE,
	CWR_TLS_HANDSHAKE,
	CWR_TLS_SHUTDOWN,
};

/* A recorded stack.  session/ fills ips and process; symbolize/ fills frames. */
struct cwr_stack {
	const struct cwr_process *process; /* whose modules explain the addresses */
	uint32_t id;			   /* in that process's session */
	uint32_t flags;			   /* enum cw_stack_flags of session.h */
	bool is_whole; /* unwound by call frame information, not by a poorer way */
	size_t nips;
	uint64_t *ips;		 /* innermost first */
	enum cwr_tls tls;	 /* symbolize/tls.c; unknown unless somebody asked */
	const char *tls_library; /* the file of that library, or NULL */
	const char *tls_call;	 /* the library's function ("SSL_shutdown"), or NULL */
	const char *
		pause_call; /* symbolize/pause.c: the function in it that pauses reading, or NULL */
	size_t nframes;
	struct cwr_frame *frames; /* NULL until symbolized */
};

/* One thing that happened.  t 0: it did not, or is not known. */
struct cwr_mark {
	uint64_t t;
	pid_t pid;
	pid_t tid;
	int fd; /* -1: not known */
	int result;
	const char *op;		 /* the function's name ("accept4"), or NULL */
	struct cwr_stack *stack; /* NULL: none recorded */
};

/* A fork that one process made. */
struct cwr_fork {
	uint32_t seq;
	pid_t child;	  /* 0: not known, as that of system() and popen() */
	bool child_ended; /* by the child's own word, or because that process is gone */
	bool child_has_session;
	struct cwr_mark mark;
	struct cwr_mark executed;   /* the exec in a child without a session, which came later */
	struct cwr_mark duplicated; /* its first dup() of a socket, likewise */
};

/* What sort of call a thread is in. */
enum cwr_call {
	CWR_CALL_OTHER, /* or none */
	CWR_CALL_SEND,
	CWR_CALL_RECEIVE,
	CWR_CALL_CONNECT,
	CWR_CALL_LOCK,	/* a mutex; condition variables, semaphores and joins are not told apart */
	CWR_CALL_FILE,	/* a file lock, or fsync */
	CWR_CALL_EPOLL, /* epoll_wait */
	CWR_CALL_POLL,	/* poll or select */
	CWR_CALL_FUTEX, /* for a lock of another library, a condition, a semaphore: no telling */
	CWR_CALL_SLEEP, /* nanosleep */
	CWR_CALL_CHILD, /* for the end of a child process */
};

/* A thread of a living process (kernel/). */
struct cwr_thread {
	pid_t tid;
	bool known;   /* /proc/PID/task/TID/syscall could be read */
	long syscall; /* -1: running or not in a call */
	enum cwr_call call;
	int fd;		    /* first argument where it is a descriptor, else -1 */
	size_t npolled;	    /* poll: of how many descriptors; select: 0 */
	int polled_fd;	    /* the first of them */
	bool asks_resolver; /* and it is a question to a name server, UDP to port 53 */
	double sleep_s;	    /* nanosleep: it has asked for that long at least; 0: not known */
	const char *wchan;  /* or NULL */
	uint64_t args[6];   /* of the call */
	uint64_t switches;  /* how often it has given up the processor; 0: not known */
	bool is_still;	    /* it has stayed in that call for model->still_s at least */
	uint64_t user_ticks, kernel_ticks; /* processor time used so far */
	bool is_computing; /* it ran all the time between two looks, and made (nearly) no call */
};

/* Somebody waits for, or has registered, events of a descriptor. */
struct cwr_watch {
	int epfd;		/* the epoll descriptor, -1: poll or select */
	pid_t tid;		/* poll and select: the thread that waits, else 0 */
	int fd;			/* the number it was registered under */
	uint64_t inode;		/* epoll: of what is watched; 0: not known */
	bool wants_input;	/* or to know of the peer's end */
	bool is_edge_triggered; /* told of each change only once */
	bool is_disarmed;	/* one-shot, and its shot is spent */
};

/* Statistics of a creation site.  Lives in seconds; -1: nothing closed yet. */
struct cwr_site_stats {
	bool known;
	uint64_t created;
	uint64_t closed;
	uint64_t t_served; /* creation of the newest on which data moved, of the closed; 0: none */
	double life_min, life_median, life_max;
};

enum cwr_end { CWR_END_RUNNING, CWR_END_UNKNOWN, CWR_END_EXITED, CWR_END_SIGNALED, CWR_END_EXEC };

/* What the memory of a process without a session tells: what fork leaves mapped, exec does not. */
enum cwr_origin { CWR_ORIGIN_UNKNOWN, CWR_ORIGIN_FORKED, CWR_ORIGIN_EXECUTED };

struct cwr_process {
	pid_t pid;
	pid_t ppid;	   /* -1: unknown */
	pid_t session_pid; /* as its session has it, by the numbers of ... */
	uint64_t pidns;	   /* ... this pid namespace (its inode); 0: unknown */
	bool is_elsewhere; /* pid is of that namespace; nothing in /proc has it */
	uint64_t start_ticks;
	const char *exe;	 /* or NULL */
	char **cmdline;		 /* NULL-terminated, or NULL */
	int64_t started_real_ns; /* CLOCK_REALTIME, 0: unknown */
	uint64_t t_session;	 /* when its session began; 0: no session */
	bool has_shim;
	bool is_alive;	      /* this very process, checked with its start time */
	bool is_exiting;      /* it has entered exit; alive and waiting for us, or looked at then */
	uint64_t t_looked_at; /* it has ended; threads and watches are as they were then; else 0 */
	enum cwr_origin origin;
	bool is_later_image; /* it executed this program; another image of it is in the model */
	const char *off;     /* why recording is off, "off: REASON", or NULL */
	enum cwr_end end;
	int end_status;
	uint64_t t_exit;	    /* when it entered exit, 0: not */
	bool is_sudden;		    /* by a signal that it never handled */
	struct cwr_mark executed;   /* the exec that ended this image */
	const char *session_path;   /* or NULL */
	bool is_in_memory;	    /* that session is in no file, but in its memory */
	struct cwr_process *parent; /* the process it was forked from, if known here */
	uint32_t parent_fork_seq;   /* number of that fork there */
	pid_t parent_pid;	    /* whose session `parent` is, known here or not; 0: none */
	uint64_t parent_t_session;  /* and when that session began */
	size_t nlimits;
	const char **limits; /* sentences: what could not be known, and why */
	size_t nmodules;
	struct cwr_module *modules;
	size_t nforks;
	struct cwr_fork *forks; /* by seq; the oldest may be missing */
	size_t nthreads;
	struct cwr_thread *threads;
	bool watches_known; /* all of them could be read */
	size_t nwatches;
	struct cwr_watch *watches;
	uint64_t tracked;	    /* sockets it has open as far as the session tells */
	uint64_t netns;		    /* inode number of its network namespace; 0: unknown */
	struct cwr_holder *holders; /* its descriptors, by next_in_process */
	double late_s;		   /* it remembers closes that came so long after the end-of-file */
	uint64_t emfile;	   /* calls that failed for want of descriptors */
	struct cwr_mark exhausted; /* the latest of them; result: -EMFILE or -ENFILE */
	struct cwr_socket *exhausted_listener; /* on which it failed; NULL: no accept, or unknown */
	uint64_t nfds, fd_limit; /* descriptors now, and the most it may have; 0: not known */
	struct cwr_process *next;
};

/* What the kernel said of a descriptor while its process lived.  t 0: it was not asked. */
struct cwr_probe {
	uint64_t t;
	bool is_confirmed; /* it still was this socket */
	bool is_last; /* asked right before the process ended, though nobody knows when it did */
	bool fin_seen;
	int cloexec; /* 1, 0, or -1: unknown */
	enum cwr_tcp_state state;
	double fin_age_s;		/* at t */
	int64_t recv_q, unread, unsent; /* -1: unknown; recv_q is never known to the shim */
	/* Seen from outside, in a last look that was kept (cmd/keep.c); else not known. */
	bool is_kept;
	bool has_tcp_bytes, is_read_unseen, has_goodbye;
	double idle_s; /* at t */
	uint64_t bytes_received, bytes_sent;
};

/* Further nobody counts how often a client asked again. */
#define CWR_TURNS_MAX 3

/* Somebody who has, or had, a descriptor of a socket. */
struct cwr_holder {
	struct cwr_process *process;
	int fd;
	enum cwr_via via;
	int cloexec;  /* 1, 0, or -1: unknown */
	bool is_open; /* as far as is known, at the moment of the report (or at entry to exit) */
	bool is_confirmed;	  /* the kernel says so */
	bool closed_at_exit;	  /* was open at entry to exit, closed by the teardown */
	bool is_creator;	  /* this process made the socket */
	uint32_t fork_seq;	  /* forks its process had made when the descriptor appeared */
	struct cwr_mark via_mark; /* the dup, the fork (mark.pid: the parent), the receive, the exec
				   */
	struct cwr_mark eof;
	struct cwr_mark shutdown;
	struct cwr_mark last_use;
	struct cwr_mark waited;	  /* one of the first reads, and it would have blocked; nothing was
				     moved since */
	struct cwr_mark unpolled; /* taken out of an epoll set */
	struct cwr_mark passed;	  /* sent from here to another process with SCM_RIGHTS */
	struct cwr_mark closed;
	struct cwr_mark wrong_close; /* the reader of the end-of-file closed another number (fd):
					one that was not open (result -EBADF), or somebody's who
					then used it in vain (0) */
	struct cwr_probe probe;
	bool shut_rd, shut_wr, saw_reset;
	bool speaks_tls;    /* the first that was written was a TLS handshake or alert */
	unsigned int turns; /* of a client: writes after a read, up to CWR_TURNS_MAX */
	struct cwr_socket *socket;
	struct cwr_holder *next;	    /* of the socket */
	struct cwr_holder *next_in_process; /* of the process */
};

enum cwr_eof { CWR_EOF_UNKNOWN, CWR_EOF_READ, CWR_EOF_SWALLOWED, CWR_EOF_PENDING, CWR_EOF_NONE };

/* An address; family 0: unknown. */
struct cwr_addr {
	sa_family_t family; /* AF_INET or AF_INET6 */
	uint16_t port;	    /* host byte order */
	uint8_t ip[16];
};

struct cwr_socket {
	uint64_t cookie; /* 0: the kernel would not say */
	uint64_t inode;	 /* 0: unknown */
	enum cwr_role role;
	struct cwr_addr local, peer;
	struct cwr_mark created;     /* in the creator; t 0: outside the shim's view */
	struct cwr_process *creator; /* NULL: unknown */
	struct cwr_site_stats site;
	struct cwr_holder *holders; /* open and former ones; the creator first */
	struct cwr_holder *last_holder;
	size_t nholders;
	struct cwr_socket
		*listener; /* it waits in that one's queue, without a descriptor; or NULL */

	/* The kernel's testimony.  -1 or UNKNOWN: not known. */
	enum cwr_tcp_state state;
	bool is_confirmed;    /* a holder's descriptor was seen by the kernel to be this socket */
	bool peer_has_closed; /* FIN or reset arrived */
	int64_t recv_q;	      /* sock_diag: unread bytes plus one for an unconsumed FIN */
	int64_t unread;	      /* FIONREAD: without the FIN */
	int64_t send_q;
	int64_t send_q_before; /* an earlier sample, -1: none */
	double fin_age_s;      /* since the FIN came; < 0: unknown */
	/*
	 * It was seen to stand in CLOSE_WAIT, unused, for so long, until that moment (monotonic),
	 * and has left that state since; 0: it was not.
	 */
	double stood_s;
	uint64_t stood_until;
	bool has_sent_age; /* tcpi_last_data_sent was read ... */
	double sent_age_s; /* ... data was last sent so long ago */
	/* Since data last moved, either way, but for a goodbye; < 0: unknown. */
	double idle_s;
	double received_age_s;		     /* since data last came; < 0: unknown */
	uint64_t bytes_received, bytes_sent; /* TCP_INFO beyond the handshake */
	bool has_tcp_bytes;
	enum cwr_eof eof;
	bool is_read_unseen; /* the end-of-file was read, by a call that was not seen */
	bool has_goodbye;    /* what is unread came unasked, together with the peer's end */
	bool is_by_number; /* recorded without a cookie: it is what is open under that number now */
	bool is_in_flight; /* sent in a message that nobody has received: open without a holder */
	struct cwr_socket *next;
};

/*
 * The stacks of a finding, keyed as in JSON's `stacks`.  A mark with t 0 does not apply.
 */
enum cwr_evidence {
	CWR_EV_CREATED,
	CWR_EV_FORKED,
	CWR_EV_EXECUTED,
	CWR_EV_PASSED,
	CWR_EV_DUPLICATED,
	CWR_EV_EOF,
	CWR_EV_SHUTDOWN,
	CWR_EV_CLOSED_ELSEWHERE,
	CWR_EV_LAST_USE,
	CWR_EV_BLOCKED,
	CWR_EV_LAST_ACCEPT,
	CWR_EV_UNPOLLED,
	CWR_EV_FAILED,
	CWR_EVIDENCES
};

struct cwr_finding {
	char id[17]; /* fingerprint, 16 hexadecimal digits: cause and stacks, by source lines where
			they are known, else by build-id and offset */
	const char *cause; /* catalogue id */
	const char *title; /* "parent kept its copy after fork" */
	const char
		*explanation; /* one or two sentences, the facts in words; no newline, unwrapped */
	const char *advice;   /* set by diagnose after symbolizing; see cwr_diagnose_advise() */
	enum cwr_verdict verdict;
	enum cwr_confidence confidence;
	bool is_confirmed;
	bool closed_at_exit;	     /* all its sockets were */
	const char **also_possible;  /* NULL-terminated cause ids */
	const char *suppressed;	     /* the rule, or NULL */
	struct cwr_process *process; /* the one to blame: the holder that must close */
	uint64_t ncalls;      /* fd-exhaustion: calls that failed; it may have no socket at all */
	const char **related; /* ids of the findings that led to this one; NULL-ended, or NULL */
	size_t nsockets;
	struct cwr_socket **sockets; /* oldest first */
	struct cwr_holder **blamed;  /* of each socket, the descriptor that must be closed */
	double oldest_s;	     /* < 0: unknown */
	struct cwr_site_stats site;
	struct cwr_mark evidence[CWR_EVIDENCES]; /* of the oldest socket, as the example */
	size_t nchildren; /* parent-kept-copy: the children that took copies */
	pid_t *children;
	struct cwr_finding *next;
};

struct cwr_suppression {
	const char *rule;
	uint64_t matches;
	struct cwr_suppression *next;
};

/* Sockets of a finding of an earlier report that nobody has open any more. */
struct cwr_closed {
	const char *id, *cause; /* of that finding */
	const char *place;	/* where they were made, "server.c:88", or NULL */
	struct cwr_process *process;
	size_t nsockets;
	struct cwr_closed *next;
};

/* What the reporting commands were asked. */
struct cwr_policy {
	double min_age_s;	/* default 1 */
	double in_use_s;	/* half-open-in-use: written within, default 10 */
	double late_s;		/* a close is late after this; < 0: what the process goes by */
	unsigned int fail_on;	/* bits 1 << enum cwr_verdict; default leak and stall */
	const char *only_cause; /* --cause, or NULL */
	bool wants_cloexec; /* who has the report is told whether a descriptor is close-on-exec */
};

struct cwr_model {
	const char *reason; /* exit signal report run threshold */
	uint64_t now;	    /* the moment that the facts speak of, monotonic */
	int64_t now_real_ns;
	double still_s; /* between two looks at the threads; 0: there was only one */
	struct cwr_policy policy;
	struct cwr_process *processes; /* in order of start */
	struct cwr_socket *sockets;
	struct cwr_finding *findings; /* worst first: by verdict, then count */
	struct cwr_closed *closed_after_all;
	struct cwr_suppression *suppressions;
	uint64_t summary[CWR_VERDICTS]; /* sockets by verdict, suppressed ones left out */
	uint64_t suppressed;
	uint64_t tracked;
	struct cwr_index *index; /* diagnose/index.c's, or NULL */
	void *arena;		 /* model.c's */
};

/* Returns an empty model with the default policy, or NULL when out of memory. */
struct cwr_model *cwr_model_new(void);
void cwr_model_free(struct cwr_model *model);

/* Memory that lives as long as the model, zeroed; never NULL (ends the command when out of memory).
 */
void *cwr_model_alloc(struct cwr_model *model, size_t size);
char *cwr_model_strdup(struct cwr_model *model, const char *text);
char *cwr_model_printf(struct cwr_model *model, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Each appends to the model's list in the order said above and returns the new, zeroed entry. */
struct cwr_process *cwr_model_add_process(struct cwr_model *model, pid_t pid);
struct cwr_socket *cwr_model_add_socket(struct cwr_model *model, uint64_t cookie);
struct cwr_holder *cwr_model_add_holder(struct cwr_model *model, struct cwr_socket *socket,
					struct cwr_process *process, int fd);
/* The sentence is copied; one that the process has already is not added again. */
void cwr_model_add_limit(struct cwr_model *model, struct cwr_process *process,
			 const char *sentence);

/*
 * The socket turns out to have this cookie.  If the model has one by that already, the holders of
 * the former go over to it, with what is known of its creation; else it is known by both.
 */
void cwr_model_name_socket(struct cwr_model *model, struct cwr_socket *socket, uint64_t cookie);

/* Says that this holder's process made the socket, and puts it first. */
void cwr_model_set_creator(struct cwr_socket *socket, struct cwr_holder *holder);

/*
 * NULL if there is none.  By cookie: O(1).  Of several processes that had a number in
 * turn, or images that it executed, the newest is meant.
 */
struct cwr_socket *cwr_model_find_socket(const struct cwr_model *model, uint64_t cookie);
struct cwr_process *cwr_model_find_process(const struct cwr_model *model, pid_t pid);

/* The process's descriptor of this number for the socket, or NULL.  O(1). */
struct cwr_holder *cwr_model_find_holder(const struct cwr_model *model,
					 const struct cwr_socket *socket,
					 const struct cwr_process *process, int fd);

/* By the path of its session; NULL if there is none. */
struct cwr_process *cwr_model_find_path(const struct cwr_model *model, const char *session_path);

/* Names as JSON spells them. */
const char *cwr_via_name(enum cwr_via via);
const char *cwr_role_name(enum cwr_role role);
const char *cwr_verdict_name(enum cwr_verdict verdict);
const char *cwr_confidence_name(enum cwr_confidence confidence);
const char *cwr_eof_name(enum cwr_eof eof);
const char *cwr_tcp_state_name(enum cwr_tcp_state state); /* "CLOSE_WAIT"; NULL for unknown */
const char *cwr_evidence_name(enum cwr_evidence evidence);

/* Writes "127.0.0.1:80" or "[::1]:80"; returns text, or NULL if the address is unknown. */
const char *cwr_addr_format(const struct cwr_addr *addr, char *text, size_t size);

#endif
