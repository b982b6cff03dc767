/* SPDX-License-Identifier: MIT */
/*
 * Cleanup attributes: what a variable owns is released when it goes out of scope, so that no
 * function needs a ladder of gotos.
 */
#ifndef CWR_CLEANUP_H
#define CWR_CLEANUP_H

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static inline void cwr_cleanup_free(void *pointer)
{
	free(*(void **)pointer);
}

static inline void cwr_cleanup_close(const int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline void cwr_cleanup_fclose(FILE **file)
{
	if (*file)
		fclose(*file);
}

static inline void cwr_cleanup_closedir(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

#define CWR_AUTO_FREE	  __attribute__((cleanup(cwr_cleanup_free)))
#define CWR_AUTO_CLOSE	  __attribute__((cleanup(cwr_cleanup_close)))
#define CWR_AUTO_FCLOSE	  __attribute__((cleanup(cwr_cleanup_fclose)))
#define CWR_AUTO_CLOSEDIR __attribute__((cleanup(cwr_cleanup_closedir)))

#endif
