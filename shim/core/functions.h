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
CW_FN(__connect, int, (int, const struct sockaddr *, socklen_t))
CW_FN(shutdown, int, (int, int))
/* interpose/close.c */
CW_FN(close, int, (int))
CW_FN(__close, int, (int))
CW_FN(close_range, int, (unsigned int, unsigned int, int))
CW_FN(closefrom, void, (int))
CW_FN(fclose, int, (FILE *))
CW_FN(pclose, int, (FILE *))
CW_FN(freopen, FILE *, (const char *, const char *, FILE *))
CW_FN(freopen64, FILE *, (const char *, const char *, FILE *))
/* interpose/dup.c */
CW_FN(dup, int, (int))
CW_FN(dup2, int, (int, int))
CW_FN(__dup2, int, (int, int))
CW_FN(dup3, int, (int, int, int))
CW_FN(fcntl, int, (int, int, ...))
CW_FN(__fcntl, int, (int, int, ...))
CW_FN(fcntl64, int, (int, int, ...))
CW_FN(fdopen, FILE *, (int, const char *))
/* interpose/read.c */
CW_FN(read, ssize_t, (int, void *, size_t))
CW_FN(__read, ssize_t, (int, void *, size_t))
CW_FN(readv, ssize_t, (int, const struct iovec *, int))
CW_FN(preadv2, ssize_t, (int, const struct iovec *, int, off_t, int))
CW_FN(preadv64v2, ssize_t, (int, const struct iovec *, int, off64_t, int))
CW_FN(recv, ssize_t, (int, void *, size_t, int))
CW_FN(recvfrom, ssize_t, (int, void *, size_t, int, struct sockaddr *, socklen_t *))
CW_FN(__read_chk, ssize_t, (int, void *, size_t, size_t))
CW_FN(__recv_chk, ssize_t, (int, void *, size_t, size_t, int))
CW_FN(__recvfrom_chk, ssize_t, (int, void *, size_t, size_t, int, struct sockaddr *, socklen_t *))
CW_FN(splice, ssize_t, (int, off64_t *, int, off64_t *, size_t, unsigned int))
/* interpose/write.c */
CW_FN(write, ssize_t, (int, const void *, size_t))
CW_FN(__write, ssize_t, (int, const void *, size_t))
CW_FN(writev, ssize_t, (int, const struct iovec *, int))
CW_FN(pwritev2, ssize_t, (int, const struct iovec *, int, off_t, int))
CW_FN(pwritev64v2, ssize_t, (int, const struct iovec *, int, off64_t, int))
CW_FN(send, ssize_t, (int, const void *, size_t, int))
CW_FN(__send, ssize_t, (int, const void *, size_t, int))
CW_FN(sendto, ssize_t, (int, const void *, size_t, int, const struct sockaddr *, socklen_t))
CW_FN(sendfile, ssize_t, (int, int, off_t *, size_t))
CW_FN(sendfile64, ssize_t, (int, int, off64_t *, size_t))
/* interpose/pass.c */
CW_FN(sendmsg, ssize_t, (int, const struct msghdr *, int))
CW_FN(sendmmsg, int, (int, struct mmsghdr *, unsigned int, int))
CW_FN(recvmsg, ssize_t, (int, struct msghdr *, int))
CW_FN(recvmmsg, int, (int, struct mmsghdr *, unsigned int, int, struct timespec *))
CW_FN(pidfd_getfd, int, (int, int, unsigned int))
/* interpose/poll.c */
CW_FN(epoll_ctl, int, (int, int, int, struct epoll_event *))
/* interpose/process.c */
CW_FN(fork, pid_t, (void))
CW_FN(__fork, pid_t, (void))
CW_FN(_Fork, pid_t, (void))
CW_FN(forkpty, int, (int *, char *, const struct termios *, const struct winsize *))
CW_FN(daemon, int, (int, int))
CW_FN(clone, int, (int (*)(void *), void *, int, void *, ...))
CW_FN(__clone, int, (int (*)(void *), void *, int, void *, ...))
CW_FN(posix_spawn, int, (pid_t *, const char *, const posix_spawn_file_actions_t *, const posix_spawnattr_t *, char *const[], char *const[]))
CW_FN(posix_spawnp, int, (pid_t *, const char *, const posix_spawn_file_actions_t *, const posix_spawnattr_t *, char *const[], char *const[]))
CW_FN(system, int, (const char *))
CW_FN(popen, FILE *, (const char *, const char *))
/* interpose/vfork.S */
CW_FN(vfork, pid_t, (void))
CW_FN(__vfork, pid_t, (void))
/* interpose/exec.c */
CW_FN(execve, int, (const char *, char *const[], char *const[]))
CW_FN(execv, int, (const char *, char *const[]))
CW_FN(execvp, int, (const char *, char *const[]))
CW_FN(execvpe, int, (const char *, char *const[], char *const[]))
CW_FN(execl, int, (const char *, const char *, ...))
CW_FN(execlp, int, (const char *, const char *, ...))
CW_FN(execle, int, (const char *, const char *, ...))
CW_FN(fexecve, int, (int, char *const[], char *const[]))
CW_FN(execveat, int, (int, const char *, char *const[], char *const[], int))
/* interpose/sandbox.c */
CW_FN(prctl, int, (int, ...))
/* interpose/syscall.c */
CW_FN(syscall, long, (long, ...))
/* interpose/unwinder.c: made by the unwinder for itself, answered there */
CW_FN(pipe2, int, (int[2], int))
/* interpose/loader.c */
CW_FN(dlclose, int, (void *))
/* trigger/exit.c */
CW_FN(__libc_start_main, int, (int (*)(int, char **, char **), int, char **, void (*)(void), void (*)(void), void (*)(void), void *))
CW_FN(exit, void, (int))
CW_FN(_exit, void, (int))
CW_FN(_Exit, void, (int))
CW_FN(quick_exit, void, (int))
/* trigger/signal.c */
CW_FN(sigaction, int, (int, const struct sigaction *, struct sigaction *))
CW_FN(__sigaction, int, (int, const struct sigaction *, struct sigaction *))
CW_FN(signal, sighandler_t, (int, sighandler_t))
CW_FN(bsd_signal, sighandler_t, (int, sighandler_t))
CW_FN(ssignal, sighandler_t, (int, sighandler_t))
CW_FN(sysv_signal, sighandler_t, (int, sighandler_t))
CW_FN(__sysv_signal, sighandler_t, (int, sighandler_t))
CW_FN(sigset, sighandler_t, (int, sighandler_t))
CW_FN(sigignore, int, (int))
CW_FN(sigprocmask, int, (int, const sigset_t *, sigset_t *))
CW_FN(pthread_sigmask, int, (int, const sigset_t *, sigset_t *))
CW_FN(sigwait, int, (const sigset_t *, int *))
CW_FN(sigwaitinfo, int, (const sigset_t *, siginfo_t *))
CW_FN(sigtimedwait, int, (const sigset_t *, siginfo_t *, const struct timespec *))
CW_FN(signalfd, int, (int, const sigset_t *, int))
/* clang-format on */
