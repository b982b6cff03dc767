/* SPDX-License-Identifier: MIT */
/*
 * The table of interposed functions: one row a function, in the order of the families under
 * interpose/ and trigger/.  From it come the exported symbols, the table of real functions, the
 * ids stored in sessions, and the list of row tests.  Included several times, hence no guard.
 *
 * CW_FN(name, return type, (parameter types))
 */
/* clang-format off */
/* interpose/socket.c */
CW_FN(socket, int, (int, int, int))
CW_FN(socketpair, int, (int, int, int, int[2]))
CW_FN(accept, int, (int, struct sockaddr *, socklen_t *))
CW_FN(accept4, int, (int, struct sockaddr *, socklen_t *, int))
CW_FN(connect, int, (int, const struct sockaddr *, socklen_t))
CW_FN(shutdown, int, (int, int))
/* interpose/close.c */
CW_FN(close, int, (int))
CW_FN(fclose, int, (FILE *))
/* interpose/dup.c */
CW_FN(dup, int, (int))
CW_FN(dup2, int, (int, int))
CW_FN(dup3, int, (int, int, int))
CW_FN(fcntl, int, (int, int, ...))
CW_FN(fcntl64, int, (int, int, ...))
/* interpose/read.c */
CW_FN(read, ssize_t, (int, void *, size_t))
CW_FN(readv, ssize_t, (int, const struct iovec *, int))
CW_FN(recv, ssize_t, (int, void *, size_t, int))
CW_FN(recvfrom, ssize_t, (int, void *, size_t, int, struct sockaddr *, socklen_t *))
CW_FN(recvmsg, ssize_t, (int, struct msghdr *, int))
CW_FN(__read_chk, ssize_t, (int, void *, size_t, size_t))
CW_FN(__recv_chk, ssize_t, (int, void *, size_t, size_t, int))
CW_FN(__recvfrom_chk, ssize_t, (int, void *, size_t, size_t, int, struct sockaddr *, socklen_t *))
/* interpose/process.c */
CW_FN(fork, pid_t, (void))
/* interpose/unwinder.c: calls that the unwinder makes for itself are answered there */
CW_FN(pipe2, int, (int[2], int))
CW_FN(write, ssize_t, (int, const void *, size_t))
CW_FN(syscall, long, (long, ...))
/* trigger/exit.c */
CW_FN(__libc_start_main, int, (int (*)(int, char **, char **), int, char **, void (*)(void), void (*)(void), void (*)(void), void *))
CW_FN(exit, void, (int))
CW_FN(_exit, void, (int))
CW_FN(_Exit, void, (int))
CW_FN(quick_exit, void, (int))
/* trigger/signal.c */
CW_FN(sigaction, int, (int, const struct sigaction *, struct sigaction *))
CW_FN(signal, sighandler_t, (int, sighandler_t))
/* clang-format on */
