/* SPDX-License-Identifier: MIT */
/*
 * Included last in every file of the shim: names that must not be called in somebody else's process
 * do not compile.  They allocate, lock, print through stdio, change the environment or end the
 * host.
 */
/* clang-format off */
#pragma GCC poison malloc calloc realloc free strdup strndup asprintf vasprintf
#pragma GCC poison printf fprintf vprintf vfprintf dprintf sprintf vsprintf puts fputs fwrite
#pragma GCC poison fopen fflush perror abort setenv putenv unsetenv
#pragma GCC poison pthread_mutex_lock pthread_rwlock_rdlock pthread_rwlock_wrlock pthread_create
#pragma GCC poison sleep usleep nanosleep atexit strerror localtime gmtime
/* clang-format on */
