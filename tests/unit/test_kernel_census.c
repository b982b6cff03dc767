/* SPDX-License-Identifier: MIT */
/*
 * The census of descriptors, on those of this very process and of one that is gone.
 */
#include "kernel_fixture.h"

#include <sys/epoll.h>
#include <sys/stat.h>

#include "kernel/census.h"

static uint64_t inode_of(int fd)
{
	struct stat st;

	assert_int_equal(fstat(fd, &st), 0);
	return st.st_ino;
}

static void test_sockets_are_known_by_their_inodes(void **state)
{
	struct fixture *f = *state;
	struct cwr_census *census = cwr_census_new();
	const struct cwr_fds *fds = cwr_census_of(census, getpid());

	assert_int_equal(fds->state, CWR_FDS_READ);
	assert_true(cwr_fds_inode(fds, f->server) == inode_of(f->server));
	assert_true(cwr_fds_inode(fds, f->client) == inode_of(f->client));
	assert_true(cwr_fds_inode(fds, 10000) == 0);
	assert_int_equal(fds->nepolls, 0);
	cwr_census_free(census);
}

static void test_what_is_read_stays_until_it_is_renewed(void **state)
{
	struct fixture *f = *state;
	struct cwr_census *census = cwr_census_new();
	const uint64_t inode = inode_of(f->server);
	int set;

	assert_true(cwr_fds_inode(cwr_census_of(census, getpid()), f->server) == inode);
	close(f->server);
	f->server = -1;
	set = epoll_create1(0);
	assert_true(cwr_fds_inode(cwr_census_of(census, getpid()), set) == inode);
	cwr_census_renew(census);
	assert_true(cwr_fds_inode(cwr_census_of(census, getpid()), set) == 0);
	assert_int_equal(cwr_census_of(census, getpid())->nepolls, 1);
	assert_int_equal(cwr_census_of(census, getpid())->epolls[0], set);
	cwr_census_free(census);
	close(set);
}

/* Inode numbers are given again, cookies are not. */
static void test_a_descriptor_is_asked_for_its_cookie(void **state)
{
	struct fixture *f = *state;
	struct cwr_census *census = cwr_census_new();
	int copy;

	assert_int_equal(cwr_census_ask(census, getpid(), f->server, f->cookie, NULL), CWR_IS_SAME);
	assert_int_equal(cwr_census_ask(census, getpid(), f->client, f->cookie, &copy),
			 CWR_IS_OTHER);
	assert_int_equal(copy, -1);
	assert_int_equal(cwr_census_ask(census, getpid(), f->server, f->cookie, &copy),
			 CWR_IS_SAME);
	assert_true(inode_of(copy) == inode_of(f->server));
	close(copy);
	assert_int_equal(cwr_census_ask(census, getpid(), 10000, f->cookie, NULL), CWR_IS_OTHER);
	cwr_census_free(census);
}

static void test_a_process_that_is_gone_has_none(void **state)
{
	struct cwr_census *census = cwr_census_new();
	pid_t child = fork();
	const struct cwr_fds *fds;

	if (child == 0)
		_exit(0);
	assert_int_equal(waitpid(child, NULL, 0), child);
	fds = cwr_census_of(census, child);
	assert_int_equal(fds->state, CWR_FDS_GONE);
	assert_int_equal(fds->nsockets, 0);
	cwr_census_free(census);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_sockets_are_known_by_their_inodes),
		CASE(test_what_is_read_stays_until_it_is_renewed),
		CASE(test_a_descriptor_is_asked_for_its_cookie),
		CASE(test_a_process_that_is_gone_has_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
